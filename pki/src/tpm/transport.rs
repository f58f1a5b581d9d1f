//! The way to a TPM: a character device, or the socket of an emulator.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::{fs::FileTypeExt, net::UnixStream},
    path::Path,
    time::Duration,
};

use crate::key::TpmAddress;

/// Largest response that is read, in octets; a TPM's own limit is commonly 4096.
const MAX_RESPONSE: usize = 64 * 1024;

/// How long an emulator may be silent. The TCG gives TPMs up to five minutes for an RSA key; those that make one take
/// seconds. A character device needs no limit here: the kernel's driver has one for each command.
const PATIENCE: Duration = Duration::from_secs(120);

/// Carries commands to a TPM and brings responses back.
pub(super) trait Transport: Send {
    /// Sends one command and waits for its response.
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>>;
}

/// Opens the way to a TPM.
pub(super) fn open(address: &TpmAddress) -> io::Result<Box<dyn Transport>> {
    match address {
        TpmAddress::Machine => match device(Path::new("/dev/tpmrm0")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => device(Path::new("/dev/tpm0")),
            opened => opened,
        },
        TpmAddress::Path(path) if fs::metadata(path)?.file_type().is_socket() => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Box::new(Stream(stream)))
        }
        TpmAddress::Path(path) => device(path),
        TpmAddress::Tcp(address) => {
            let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            Ok(Box::new(Stream(stream)))
        }
    }
}

fn device(path: &Path) -> io::Result<Box<dyn Transport>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    // Anything else would take commands and answer with what was in it.
    if !file.metadata()?.file_type().is_char_device() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a character device nor a socket"));
    }
    Ok(Box::new(Device(file)))
}

/// A character device: one write is one command, one read its whole response.
struct Device(File);

impl Transport for Device {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(command)?;
        let mut response = vec![0; MAX_RESPONSE];
        let length = self.0.read(&mut response)?;
        response.truncate(length);
        Ok(response)
    }
}

/// A stream, in which the response's header says where it ends.
struct Stream<S>(S);

impl<S: Read + Write + Send> Transport for Stream<S> {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(command)?;
        self.0.flush()?;
        let mut header = [0; 10];
        self.0.read_exact(&mut header)?;
        let [_, _, a, b, c, d, ..] = header;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let rest = length.checked_sub(header.len()).filter(|_| length <= MAX_RESPONSE);
        let rest = rest.ok_or(io::ErrorKind::InvalidData)?;
        let mut response = header.to_vec();
        response.resize(length, 0);
        if let Some(end) = response.get_mut(header.len()..)
            && rest > 0
        {
            self.0.read_exact(end)?;
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Script {
        answer: io::Cursor<Vec<u8>>,
    }

    impl Read for Script {
        fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
            self.answer.read(octets)
        }
    }

    impl Write for Script {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_response_ends_where_its_header_says() {
        let answer = |octets: &[u8]| Stream(Script { answer: io::Cursor::new(octets.to_vec()) }).transmit(b"x");
        let good = [0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0, 7, 8];
        assert_eq!(answer(&[&good[..], b"next"].concat()).unwrap(), good);
        assert_eq!(answer(&good[..11]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        for length in [9_u32, 0, 65_537, u32::MAX] {
            let mut lies = good;
            lies[2..6].copy_from_slice(&length.to_be_bytes());
            assert_eq!(answer(&lies).unwrap_err().kind(), io::ErrorKind::InvalidData, "{length}");
        }
    }

    #[test]
    fn a_plain_file_is_no_tpm() {
        let error = open(&TpmAddress::Path("/proc/self/exe".into())).err().unwrap();
        assert!(matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::ExecutableFileBusy), "{error}");
        let error = open(&TpmAddress::Path("/nowhere/tpm".into())).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
