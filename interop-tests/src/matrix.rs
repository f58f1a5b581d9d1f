//! What was proved, as a table: which form, with which algorithm, in which direction, by which test.
//!
//! A test names itself with [`matrix!`](crate::matrix!) and then says each cell that it has just proved. `cargo xtask test` gathers
//! the cells of a whole run and compares them with `specs/interop.md`, so that the page can neither promise what no test
//! shows nor forget what one does.

use std::{
    env, fs, io,
    path::Path,
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Names a folder where every proved cell leaves a file of four lines: table, row, column, test.
const CELLS_VARIABLE: &str = "SZTP_CELLS";

/// What was exchanged: one table of the page each. The page sorts them by title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// Conveyed information without a signature.
    BareConveyedInformation,
    /// JSON under id-ct-sztpConveyedInfoJSON, signed.
    SignedJson,
    /// XML under id-ct-sztpConveyedInfoXML, signed.
    SignedXml,
    /// Conveyed information under id-data, signed; the encoding is told by its first octet.
    SignedData,
    /// Conveyed information in an envelope for a device.
    EncryptedConveyedInformation,
    /// The owner certificate and its chain.
    OwnerCertificate,
    /// The owner certificate in an envelope for a device.
    EncryptedOwnerCertificate,
    /// A voucher under id-ct-animaJSONVoucher.
    Voucher,
    /// A voucher under id-data.
    VoucherData,
    /// A voucher in an envelope for a device.
    EncryptedVoucher,
    /// All three artifacts together, each clear or encrypted.
    Grouping,
    /// The `trust-anchor` of redirect information.
    TrustAnchor,
    /// EnvelopedData and AuthEnvelopedData, whatever is inside.
    Envelope,
    /// Revocation lists and OCSP responses, stapled.
    Revocation,
    /// What is refused whoever made it; the test shows the refusal.
    Refused,
}

impl Form {
    /// The title of its table.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BareConveyedInformation => "Conveyed information, bare",
            Self::SignedJson => "Conveyed information, signed: JSON (1.2.840.113549.1.9.16.1.43)",
            Self::SignedXml => "Conveyed information, signed: XML (1.2.840.113549.1.9.16.1.42)",
            Self::SignedData => "Conveyed information, signed: id-data",
            Self::EncryptedConveyedInformation => "Conveyed information, encrypted",
            Self::OwnerCertificate => "Owner certificate",
            Self::EncryptedOwnerCertificate => "Owner certificate, encrypted",
            Self::Voucher => "Ownership voucher: JSON (1.2.840.113549.1.9.16.1.40)",
            Self::VoucherData => "Ownership voucher: id-data",
            Self::EncryptedVoucher => "Ownership voucher, encrypted",
            Self::Grouping => "All three together",
            Self::TrustAnchor => "Trust anchor of redirect information",
            Self::Envelope => "Envelopes",
            Self::Revocation => "Stapled revocation",
            Self::Refused => "Refused on purpose",
        }
    }
}

/// Who made the bytes and who judged them: one column each. The page sorts them by title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// OpenSSL made DER, we accepted it.
    OpensslToUs,
    /// OpenSSL made BER with indefinite lengths (`-stream`), we accepted it.
    OpensslToUsAsBer,
    /// We made it, OpenSSL accepted it.
    UsToOpenssl,
}

impl Direction {
    /// The title of its column.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::OpensslToUs => "OpenSSL to us",
            Self::OpensslToUsAsBer => "OpenSSL to us, as BER",
            Self::UsToOpenssl => "us to OpenSSL",
        }
    }
}

/// Takes down what one test has proved. Made by [`matrix!`](crate::matrix!).
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    /// The test's file, from the root of the workspace.
    pub file: &'static str,
    /// The test's function.
    pub test: &'static str,
}

impl Matrix {
    /// Takes down that `form` was proved in this `direction`; `row` says what varies within the form, above all the
    /// algorithm, and has the same words wherever the same thing is meant.
    ///
    /// # Panics
    /// When the cell cannot be written: a proof that nobody would count must not look like one.
    #[expect(clippy::expect_used, reason = "fails the test that called it")]
    pub fn proved(&self, form: Form, row: &str, direction: Direction) {
        let folder = env::var_os(CELLS_VARIABLE);
        self.write(folder.as_deref().map(Path::new), form, row, direction).expect("a proved cell can be written");
    }

    fn write(&self, folder: Option<&Path>, form: Form, row: &str, direction: Direction) -> io::Result<()> {
        // The test programs of one run share the folder, and the tests of one program run at once.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let Some(folder) = folder else { return Ok(()) };
        let name = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let Self { file, test } = self;
        fs::write(folder.join(name), format!("{}\n{row}\n{}\n{file}::{test}\n", form.title(), direction.title()))
    }
}

/// The function's own name from the type name of an item inside it. Called by [`matrix!`](crate::matrix!).
#[must_use]
pub fn function_name(inner: &'static str) -> &'static str {
    let outer = inner.rsplit_once("::").map_or(inner, |(outer, _)| outer).trim_end_matches("::{{closure}}");
    outer.rsplit_once("::").map_or(outer, |(_, function)| function)
}

/// The [`Matrix`](crate::matrix::Matrix) of the test it stands in.
#[macro_export]
macro_rules! matrix {
    () => {{
        fn here() {}
        fn type_name<T>(_: T) -> &'static str {
            ::std::any::type_name::<T>()
        }
        $crate::matrix::Matrix { file: file!(), test: $crate::matrix::function_name(type_name(here)) }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_names_its_test_and_two_cells_are_two_files() {
        let (folder, matrix) = (tempfile::tempdir().unwrap(), crate::matrix!());
        for direction in [Direction::OpensslToUs, Direction::UsToOpenssl] {
            matrix.write(Some(folder.path()), Form::Voucher, "Ed25519", direction).unwrap();
        }
        let files = fs::read_dir(folder.path()).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        let mut cells: Vec<_> = files.collect();
        cells.sort();
        let test = "interop-tests/src/matrix.rs::a_cell_names_its_test_and_two_cells_are_two_files";
        let cell = |column| format!("{}\nEd25519\n{column}\n{test}\n", Form::Voucher.title());
        assert_eq!(cells, [cell("OpenSSL to us"), cell("us to OpenSSL")]);
    }

    #[test]
    fn without_a_folder_nothing_is_written_and_a_missing_one_is_an_error() {
        let (folder, matrix) = (tempfile::tempdir().unwrap(), crate::matrix!());
        let write = |folder| matrix.write(folder, Form::Voucher, "Ed25519", Direction::OpensslToUs);
        write(None).unwrap();
        write(Some(&folder.path().join("missing"))).unwrap_err();
    }

    #[test]
    fn the_function_is_the_last_name() {
        assert_eq!(function_name("openssl_cms::signed::ours::here"), "ours");
        assert_eq!(function_name("openssl_cms::ours::{{closure}}::here"), "ours");
    }
}
