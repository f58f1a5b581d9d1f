//! One command and its response (TPM 2.0 Library, Part 1 §18, §19).

use ring::hmac;
use zeroize::Zeroizing;

use super::{
    ResponseCode, Secret, Tpm, TpmError,
    wire::{Reader, Writer},
};
use crate::{
    digest::{Digest, sha256},
    key::random,
};

const TAG_NO_SESSIONS: u16 = 0x8001;
const TAG_SESSIONS: u16 = 0x8002;
/// TPM_RS_PW: the session that carries a password as it is. Only ever used with the empty one.
const PASSWORD_SESSION: u32 = 0x4000_0009;
pub(super) const ALG_NULL: u16 = 0x0010;
pub(super) const ALG_SHA256: u16 = 0x000b;
pub(super) const HANDLE_NULL: u32 = 0x4000_0007;

/// A command that is known here: its code, and its name for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    pub(super) code: u32,
    pub(super) name: &'static str,
}

macro_rules! commands {
    ($($constant:ident = $code:literal, $name:literal;)*) => {
        impl Command {
            $(pub(super) const $constant: Self = Self { code: $code, name: $name };)*
        }
    };
}

commands! {
    EVICT_CONTROL = 0x120, "TPM2_EvictControl";
    NV_UNDEFINE_SPACE = 0x122, "TPM2_NV_UndefineSpace";
    NV_DEFINE_SPACE = 0x12a, "TPM2_NV_DefineSpace";
    CREATE_PRIMARY = 0x131, "TPM2_CreatePrimary";
    NV_WRITE = 0x137, "TPM2_NV_Write";
    ACTIVATE_CREDENTIAL = 0x147, "TPM2_ActivateCredential";
    CERTIFY = 0x148, "TPM2_Certify";
    NV_READ = 0x14e, "TPM2_NV_Read";
    POLICY_SECRET = 0x151, "TPM2_PolicySecret";
    ECDH_ZGEN = 0x154, "TPM2_ECDH_ZGen";
    RSA_DECRYPT = 0x159, "TPM2_RSA_Decrypt";
    SIGN = 0x15d, "TPM2_Sign";
    FLUSH_CONTEXT = 0x165, "TPM2_FlushContext";
    NV_READ_PUBLIC = 0x169, "TPM2_NV_ReadPublic";
    READ_PUBLIC = 0x173, "TPM2_ReadPublic";
    START_AUTH_SESSION = 0x176, "TPM2_StartAuthSession";
    GET_CAPABILITY = 0x17a, "TPM2_GetCapability";
}

/// What a command is about: a key, an NV index, a hierarchy.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) handle: u32,
    /// Its Name, which an HMAC covers: a digest of what it is, or its handle where it is nothing else.
    pub(super) name: Vec<u8>,
}

impl Entity {
    pub(super) const fn named(handle: u32, name: Vec<u8>) -> Self {
        Self { handle, name }
    }

    /// A hierarchy or a session, whose name is its handle (Part 1 §16).
    pub(super) fn permanent(handle: u32) -> Self {
        Self { handle, name: handle.to_be_bytes().to_vec() }
    }
}

/// By what right a command is given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right<'a> {
    /// A password, which is proved with an HMAC and never sent, unless it is empty.
    Password(&'a Secret),
    /// A policy session that was satisfied before.
    Policy(u32),
}

/// What a command that succeeded gave.
#[derive(Debug)]
pub(super) struct Response {
    /// Everything after the header, without sessions.
    parameters: Zeroizing<Vec<u8>>,
    pub(super) handle: u32,
    command: Command,
}

impl Response {
    /// Reads the parameters; what is left unread is ignored.
    pub(super) fn read<'a, T>(
        &'a self,
        reader: impl FnOnce(&mut Reader<'a>) -> Result<T, super::Malformed>,
    ) -> Result<T, TpmError> {
        reader(&mut Reader::new(&self.parameters)).map_err(|_| TpmError::Answer { command: self.command.name })
    }
}

impl Tpm {
    /// Gives a command and reads its response.
    pub(super) fn run(
        &mut self,
        command: Command,
        entities: &[Entity],
        rights: &[Right<'_>],
        parameters: Writer,
    ) -> Result<Response, TpmError> {
        let parameters = Zeroizing::new(parameters.finish()?);
        let mut sessions = Vec::new();
        let result = self.with_sessions(command, entities, rights, &parameters, &mut sessions);
        if result.is_err() {
            // A session ends with the command that used it, unless that failed.
            for session in sessions.into_iter().flatten() {
                let _its_own_failure_says_less = self.flush(session.handle);
            }
        }
        result
    }

    fn with_sessions(
        &mut self,
        command: Command,
        entities: &[Entity],
        rights: &[Right<'_>],
        parameters: &[u8],
        sessions: &mut Vec<Option<Session>>,
    ) -> Result<Response, TpmError> {
        let mut authorizations = Writer::default();
        for right in rights {
            authorizations = match right {
                Right::Password(password) if password.is_empty() => {
                    sessions.push(None);
                    authorizations.u32(PASSWORD_SESSION).sized(&[]).u8(0).sized(&[])
                }
                Right::Policy(handle) => {
                    sessions.push(None);
                    authorizations.u32(*handle).sized(&[]).u8(0).sized(&[])
                }
                Right::Password(password) => {
                    let session = self.start_session(password)?;
                    let proof = session.prove(command, entities, parameters);
                    let nonce = session.caller;
                    authorizations = authorizations.u32(session.handle).sized(&nonce).u8(0).sized(proof.as_ref());
                    sessions.push(Some(session));
                    authorizations
                }
            };
        }
        let handles = entities.iter().fold(Writer::default(), |writer, entity| writer.u32(entity.handle)).finish()?;
        let body = if rights.is_empty() {
            Writer::default().raw(&handles).raw(parameters)
        } else {
            let authorizations = authorizations.finish()?;
            let length = u32::try_from(authorizations.len()).map_err(|_| TpmError::TooLong)?;
            Writer::default().raw(&handles).u32(length).raw(&authorizations).raw(parameters)
        };
        let tag = if rights.is_empty() { TAG_NO_SESSIONS } else { TAG_SESSIONS };
        let response = self.submit(command, tag, &body.finish()?)?;
        read_response(command, &response, sessions).map_err(|_| TpmError::Answer { command: command.name })
    }

    /// Sends octets behind a header, again while the TPM is busy. Gives the response from its tag on.
    fn submit(&mut self, command: Command, tag: u16, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let length = u32::try_from(body.len()).ok().and_then(|length| length.checked_add(10));
        let length = length.ok_or(TpmError::TooLong)?;
        let octets = Writer::default().u16(tag).u32(length).u32(command.code).raw(body).finish()?;
        let octets = Zeroizing::new(octets);
        let mut pauses = PAUSES.iter();
        loop {
            let silent = |source| TpmError::Silent { command: command.name, source };
            let response = Zeroizing::new(self.transport.transmit(&octets).map_err(silent)?);
            let code = header(&response).map_err(|_| TpmError::Answer { command: command.name })?;
            if code.0 == 0 {
                return Ok(response);
            }
            // Part 2 §6.6.3, warnings: the command was not begun, and is to be given again.
            match pauses.next() {
                Some(pause) if code.fault() == super::Fault::Busy => std::thread::sleep(*pause),
                _ => return Err(TpmError::Refused { command: command.name, code }),
            }
        }
    }

    /// An HMAC session, neither salted nor bound: it proves a password, and ends with the command.
    fn start_session(&mut self, password: &Secret) -> Result<Session, TpmError> {
        let caller = random::<32>().map_err(|_| TpmError::Entropy)?;
        let (handle, tpm) = self.start_auth_session(SessionKind::Hmac, &caller)?;
        Ok(Session { handle, caller, tpm, key: hmac::Key::new(hmac::HMAC_SHA256, password.significant()) })
    }

    /// Starts a session and gives its handle and the TPM's nonce.
    pub(super) fn start_auth_session(&mut self, kind: SessionKind, nonce: &[u8]) -> Result<(u32, Vec<u8>), TpmError> {
        let kind = match kind {
            SessionKind::Hmac => 0,
            SessionKind::Policy => 1,
        };
        let parameters = Writer::default().sized(nonce).sized(&[]).u8(kind).u16(ALG_NULL).u16(ALG_SHA256);
        let nobody = [Entity::permanent(HANDLE_NULL), Entity::permanent(HANDLE_NULL)];
        let response = self.run(Command::START_AUTH_SESSION, &nobody, &[], parameters)?;
        Ok((response.handle, response.read(|reader| reader.sized().map(<[u8]>::to_vec))?))
    }

    /// Removes a session, or a key that is not persistent.
    pub(super) fn flush(&mut self, handle: u32) -> Result<(), TpmError> {
        self.run(Command::FLUSH_CONTEXT, &[], &[], Writer::default().u32(handle)).map(drop)
    }

    /// Does something with what is at a handle, and removes it afterwards whatever happened: a TPM has room for three.
    pub(super) fn flushing<T>(
        &mut self,
        handle: u32,
        work: impl FnOnce(&mut Self) -> Result<T, TpmError>,
    ) -> Result<T, TpmError> {
        let result = work(self);
        let flushed = self.flush(handle);
        result.and_then(|value| flushed.map(|()| value))
    }
}

/// What a session is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum SessionKind {
    Hmac,
    Policy,
}

/// A session that proves a password.
struct Session {
    handle: u32,
    caller: [u8; 32],
    tpm: Vec<u8>,
    key: hmac::Key,
}

impl Session {
    /// Part 1 §19.6.5: over what is asked, and both nonces with the newer one first.
    fn prove(&self, command: Command, entities: &[Entity], parameters: &[u8]) -> hmac::Tag {
        let mut asked = command.code.to_be_bytes().to_vec();
        entities.iter().for_each(|entity| asked.extend_from_slice(&entity.name));
        asked.extend_from_slice(parameters);
        hmac::sign(&self.key, &Self::covered(&sha256(&asked), &self.caller, &self.tpm, 0))
    }

    /// That the answer comes from whoever knows the password too.
    fn verify(&self, command: Command, parameters: &[u8], answer: &Answered<'_>) -> Result<(), super::Malformed> {
        let mut answered = 0_u32.to_be_bytes().to_vec();
        answered.extend_from_slice(&command.code.to_be_bytes());
        answered.extend_from_slice(parameters);
        let covered = Self::covered(&sha256(&answered), answer.nonce, &self.caller, answer.attributes);
        hmac::verify(&self.key, &covered, answer.proof).map_err(|_| super::Malformed)
    }

    fn covered(digest: &Digest, newer: &[u8], older: &[u8], attributes: u8) -> Vec<u8> {
        [digest.0.as_slice(), newer, older, &[attributes]].concat()
    }
}

/// What a session's part of a response says.
struct Answered<'a> {
    nonce: &'a [u8],
    attributes: u8,
    proof: &'a [u8],
}

fn header(response: &[u8]) -> Result<ResponseCode, super::Malformed> {
    let mut reader = Reader::new(response);
    reader.u16()?;
    let length = reader.u32()?;
    let code = reader.u32()?;
    if usize::try_from(length) == Ok(response.len()) { Ok(ResponseCode(code)) } else { Err(super::Malformed) }
}

fn read_response(command: Command, octets: &[u8], sessions: &[Option<Session>]) -> Result<Response, super::Malformed> {
    let mut reader = Reader::new(octets);
    let tag = reader.u16()?;
    reader.take(8)?;
    let returns_handle = matches!(command.code, 0x131 | 0x176);
    let handle = if returns_handle { reader.u32()? } else { 0 };
    if tag != TAG_SESSIONS {
        // Whoever drops the sessions from a response takes away what proves where it comes from.
        if sessions.iter().any(Option::is_some) {
            return Err(super::Malformed);
        }
        return Ok(Response { parameters: Zeroizing::new(reader.rest().to_vec()), handle, command });
    }
    let length = usize::try_from(reader.u32()?).map_err(|_| super::Malformed)?;
    let parameters = reader.take(length)?;
    for session in sessions {
        let answer = Answered { nonce: reader.sized()?, attributes: reader.u8()?, proof: reader.sized()? };
        if let Some(session) = session {
            session.verify(command, parameters, &answer)?;
        }
    }
    reader.finish()?;
    Ok(Response { parameters: Zeroizing::new(parameters.to_vec()), handle, command })
}

/// How long to wait before a busy TPM is asked again: three seconds in all.
const PAUSES: [std::time::Duration; 7] = {
    const fn pause(milliseconds: u64) -> std::time::Duration {
        std::time::Duration::from_millis(milliseconds)
    }
    [pause(20), pause(50), pause(130), pause(300), pause(500), pause(1000), pause(1000)]
};

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{key::TpmAddress, tpm::transport::Transport};

    /// Answers what it was told to, and remembers what it was asked.
    struct Script {
        answers: std::vec::IntoIter<Vec<u8>>,
        asked: Arc<Mutex<Vec<Vec<u8>>>>,
    }

    impl Transport for Script {
        fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
            self.asked.lock().unwrap().push(command.to_vec());
            self.answers.next().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn tpm(answers: Vec<Vec<u8>>) -> (Tpm, Arc<Mutex<Vec<Vec<u8>>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Script { answers: answers.into_iter(), asked: Arc::clone(&asked) };
        (Tpm { transport: Box::new(script), address: TpmAddress::Machine }, asked)
    }

    fn answer(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 10).unwrap();
        Writer::default().u16(tag).u32(length).u32(code).raw(body).finish().unwrap()
    }

    fn code_of(command: &[u8]) -> u32 {
        u32::from_be_bytes(command[6..10].try_into().unwrap())
    }

    #[test]
    fn a_busy_tpm_is_asked_the_same_again() {
        let busy = || answer(TAG_NO_SESSIONS, 0x922, &[]);
        let (mut tpm, asked) = tpm(vec![busy(), busy(), answer(TAG_NO_SESSIONS, 0, &[])]);
        tpm.flush(7).unwrap();
        let asked = asked.lock().unwrap();
        assert_eq!((asked.len(), &asked[0]), (3, &asked[2]));
    }

    #[test]
    fn what_is_no_answer_is_told_from_a_refusal_and_from_silence() {
        let flush = |octets: Vec<u8>| tpm(vec![octets]).0.flush(7).unwrap_err();
        let refused = flush(answer(TAG_NO_SESSIONS, 0x18b, &[]));
        assert!(matches!(refused, TpmError::Refused { command: "TPM2_FlushContext", code: ResponseCode(0x18b) }));
        for octets in [vec![], vec![0x80], answer(TAG_NO_SESSIONS, 0, &[])[..9].to_vec(), vec![0; 10], vec![0xff; 64]] {
            let error = flush(octets.clone());
            assert!(matches!(error, TpmError::Answer { .. }), "{octets:?}: {error}");
        }
        let silent = tpm(Vec::new()).0.flush(7).unwrap_err();
        assert!(matches!(silent, TpmError::Silent { .. }), "{silent}");
    }

    /// A TPM that knows a password, and what becomes of its answers on the way.
    struct Proving {
        key: hmac::Key,
        on_the_way: fn(Vec<u8>) -> Vec<u8>,
        asked: Arc<Mutex<Vec<u32>>>,
    }

    impl Transport for Proving {
        fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
            self.asked.lock().unwrap().push(code_of(command));
            let body = match code_of(command) {
                0x176 => Writer::default().u32(0x0200_0005).sized(&[9; 32]).finish().unwrap(),
                0x165 => Vec::new(),
                code => {
                    // Behind the header: two handles, the length of the sessions, the session's handle, its nonce's length.
                    let caller = &command[10 + 8 + 4 + 4 + 2..][..32];
                    let digest = sha256(&[[0; 4], code.to_be_bytes()].concat());
                    let proof = hmac::sign(&self.key, &Session::covered(&digest, &[8; 32], caller, 0));
                    let session = Writer::default().u32(0).sized(&[8; 32]).u8(0).sized(proof.as_ref());
                    return Ok((self.on_the_way)(answer(TAG_SESSIONS, 0, &session.finish().unwrap())));
                }
            };
            Ok(answer(TAG_NO_SESSIONS, 0, &body))
        }
    }

    /// Writes to NV memory by a password.
    fn write(on_the_way: fn(Vec<u8>) -> Vec<u8>) -> (Result<(), TpmError>, Vec<u32>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"password");
        let transport = Box::new(Proving { key, on_the_way, asked: Arc::clone(&asked) });
        let mut tpm = Tpm { transport, address: TpmAddress::Machine };
        let (entities, password) = ([Entity::permanent(1), Entity::permanent(2)], Secret::new(b"password").unwrap());
        let parameters = Writer::default().sized(b"data").u16(0);
        let written = tpm.run(Command::NV_WRITE, &entities, &[Right::Password(&password)], parameters).map(drop);
        let asked = asked.lock().unwrap().clone();
        (written, asked)
    }

    #[test]
    fn an_answer_counts_only_with_a_proof_of_the_password() {
        let (written, asked) = write(|answer| answer);
        written.unwrap();
        assert_eq!(asked, [0x176, 0x137]);
        let forgeries: [fn(Vec<u8>) -> Vec<u8>; 4] = [
            |mut answer| {
                *answer.last_mut().unwrap() ^= 1;
                answer
            },
            // Another nonce.
            |mut answer| {
                answer[20] ^= 1;
                answer
            },
            // No sessions at all.
            |_| answer(TAG_NO_SESSIONS, 0, &[]),
            |_| answer(TAG_SESSIONS, 0, &[0; 4]),
        ];
        for forge in forgeries {
            let (written, asked) = write(forge);
            assert!(matches!(written, Err(TpmError::Answer { .. })), "{written:?}");
            assert_eq!(asked, [0x176, 0x137, 0x165], "the session is removed");
        }
    }

    #[test]
    fn the_password_itself_is_never_sent() {
        struct Watching(Proving);
        impl Transport for Watching {
            fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
                assert!(!command.windows(8).any(|window| window == b"password"));
                self.0.transmit(command)
            }
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"password");
        let proving = Proving { key, on_the_way: |answer| answer, asked: Arc::default() };
        let mut tpm = Tpm { transport: Box::new(Watching(proving)), address: TpmAddress::Machine };
        let entities = [Entity::permanent(1), Entity::permanent(2)];
        let password = Secret::new(b"password").unwrap();
        let rights = [Right::Password(&password)];
        tpm.run(Command::NV_WRITE, &entities, &rights, Writer::default().sized(b"data").u16(0)).unwrap();
    }
}
