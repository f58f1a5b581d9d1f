#![allow(clippy::all, clippy::unwrap_used, clippy::print_stdout)]
use fit_image::{build::*, image::Role, verify::*, *};
struct F(std::fs::File, u64);
impl Source for F {
    fn len(&self) -> u64 {
        self.1
    }
    fn read_exact_at(&self, o: u64, b: &mut [u8]) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, b, o)
    }
}
#[test]
fn perf() {
    use pki::key::{FileKey, Signer};
    let key = FileKey::generate_p256().unwrap();
    for p in [DataPlacement::Inline, DataPlacement::Behind] {
        let b = FitBuilder::new("d", 1)
            .image(NewImage::new("k", "kernel", vec![5; 64 << 20]))
            .configuration(NewConfiguration::new("c").refer(Role::Kernel, "k"))
            .data(p)
            .sign(&key, "o")
            .unwrap();
        std::fs::write("/tmp/fit-perf.itb", &b).unwrap();
        drop(b);
        let keys = TrustedKeys::new([TrustedKey::new("o", key.public_key().clone())], Required::All);
        let f = std::fs::File::open("/tmp/fit-perf.itb").unwrap();
        let n = f.metadata().unwrap().len();
        let f = F(f, n);
        for _ in 0..3 {
            let t = std::time::Instant::now();
            verify(&f, &keys, Selection::Default, &Limits::default()).unwrap();
            println!("{p:?} {:?}", t.elapsed());
        }
    }
}
