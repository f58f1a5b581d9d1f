//! The help text.

pub(super) const HELP: &str = "\
sztp-device: bootstraps this device without anyone touching it (RFC 8572)

Usage: sztp-device COMMAND [OPTIONS]

Commands:
  run             find bootstrapping data, verify it, apply it, report; again and again until it works
  status          what this device is, what the factory made it believe, and how the last attempt ended
  doctor          what will keep it from bootstrapping, and how to mend it
  replay CAPTURE  make the decisions of `run --capture` again, on any machine, and compare
  identity show     its certificate and serial number; with --key, what its TPM's endorsement keys are
  identity create   make its key, in the TPM or in a file, and a request for its certificate (PKCS#10)
  identity install  keep the certificate that was issued, in the TPM or in a file
  identity enrol    on a factory line: make and prove the key, have it certified, keep the certificate
  identity check    whether key, certificate, chain, purpose and clock are fit to bootstrap with
  reset           back to factory state: removes images, journal and the marker `done`

Options:
  --config FILE   the device's configuration (default /etc/sztp/device.toml)
  --root DIR      what survives a restart (default /var/lib/sztp)
  --once          run: one attempt only
  --trace FILE|-  run: one JSON object a line for each decision (specs/trace.schema.json), `-` for standard output
  --capture FILE  run: everything that the device is told, for `replay`; the latest attempt, as secret as its documents
  --probe         doctor: ask every source and connect to every server as `run` would, and send them nothing
  --json          status, doctor, identity: JSON; replay: one JSON object a line for each decision
  -h, --help      this text
  -V, --version   the version

Options of `identity`; without --key and --to, the configuration says where:
  --key KEY               a path, or `tpm2:0x81020000` (with `?tpm=PATH` for another TPM than the machine's)
  --to PLACE              install, check: where the certificate is kept: a path, or `tpm2-nv:0x01c90000`
  --passphrase-file FILE  what opens the key: a file's passphrase, the password of a key in a TPM
  --owner-password-file FILE  the password of the TPM's owner (install: of the platform, with --survives-clear)
  --algorithm NAME        create: p256 (default), p384, rsa2048
  --label TEXT            create: tells keys in one TPM apart (default IDEVID); the same label gives the same key again
  --subject-serial S, --serial-number S  create, enrol: the device's serial number
  --organization NAME     create: who makes the device
  --hardware-type OID     create: a hardwareModuleName of this type, with the serial number
  --csr OUT               create: where the request is written (PEM)
  --certificate CHAIN     install: the device's certificate, then its intermediates
  --station URL           enrol: the server that certifies, https://host[:port]
  --order NAME            enrol: the production order
  --station-certificate CHAIN  enrol: the station's certificate, then its intermediates
  --station-key KEY       enrol: the station's key
  --anchor FILE           enrol: the anchors of the server's certificate
  --survives-clear        install, enrol: in the platform's NV memory, which a TPM clear leaves alone

Options of `replay`, each asking what would have been:
  --decryption-key KEY    the device's key, for what was encrypted to it; with --passphrase-file
  --at RFC3339            a clock that is believed, and says this
  --trust-anchor FILE     voucher anchors that the device has besides; may stand several times

Exit codes of `run`:
  0 bootstrapped, or done already     1 applying failed          2 usage
  3 every server was refused          5 no server was reachable  75 a reboot is wanted
Without --once it ends with 0, 75, or when it cannot start (1). Ended by a signal, it goes on at the next start.
Others: 0 done, 1 failed: doctor found something bad, replay decided something else

Examples:
  sztp-device doctor --config device.toml --root state
  sztp-device run --once --config device.toml --root state --trace -
  sztp-device run --trace /run/sztp.jsonl
  sztp-device doctor --probe
  sztp-device run --once --capture /run/sztp.capture
  sztp-device replay sztp.capture --at 2027-01-01T00:00:00Z --trust-anchor masa-2.pem
  sztp-device identity create --key tpm2:0x81020000 --subject-serial SN-0001 --csr SN-0001.csr
  sztp-device identity install --key tpm2:0x81020000 --to tpm2-nv:0x01c90000 --certificate SN-0001.pem
  sztp-device identity check --key tpm2:0x81020000 --to tpm2-nv:0x01c90000
  sztp-device identity enrol --station https://line.example.com --order O-1 --serial-number SN-0001 \
      --station-certificate station.pem --station-key station.key --anchor ca.pem \
      --key tpm2:0x81020000 --to tpm2-nv:0x01c90000";
