//! Calls about what authorities issue.

use hyper::Method;
use tokio::io::AsyncRead;

use super::{
    Client, ClientError, ImportFormat, Intent, Update, Updates,
    call::{Call, fill},
};
use crate::{
    AuthorityList, Certificate, CertificatePage, CertificateQuery, CertificateUpdate, IssuedCertificate,
    NewCertificate, RevokeCertificate, paths,
};

impl Update for CertificateUpdate {
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Client {
    /// Every authority of the server.
    ///
    /// # Errors
    /// [`ClientError`], as with every call of the client.
    pub async fn authorities(&self) -> Result<AuthorityList, ClientError> {
        self.send(Call::get(paths::AUTHORITIES.to_owned())).await?.json().await
    }

    /// A page of the certificates that `wanted` describes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn certificates(&self, wanted: &CertificateQuery) -> Result<CertificatePage, ClientError> {
        let call = Call::get(paths::CERTIFICATES.to_owned())
            .query("authority", wanted.authority.clone())
            .query("profile", wanted.profile.clone())
            .query("serial-number", wanted.serial_number.clone())
            .query("serial-prefix", wanted.serial_prefix.clone())
            .query("key", wanted.key.clone())
            .query("expires-before", wanted.expires_before.clone())
            .query("revoked", wanted.revoked.map(|flag| flag.to_string()))
            .query("after", wanted.after.clone())
            .query("limit", wanted.limit.map(|limit| limit.to_string()));
        self.send(call).await?.json().await
    }

    /// One certificate: of this authority, with this serial number of its own, in hex.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn certificate(&self, authority: &str, serial: &str) -> Result<Certificate, ClientError> {
        self.send(Call::get(in_path(paths::CERTIFICATE, authority, serial))).await?.json().await
    }

    /// Has a certificate issued or renewed. `None` after a rehearsal.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn issue_certificate(
        &self,
        wanted: &NewCertificate,
        intent: Intent,
    ) -> Result<Option<IssuedCertificate>, ClientError> {
        let call = Call::change(Method::POST, paths::CERTIFICATES.to_owned(), intent)?.json(wanted);
        self.send(call).await?.changed(intent).await
    }

    /// Revokes a certificate.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_certificate(
        &self,
        (authority, serial): (&str, &str),
        why: &RevokeCertificate,
        intent: Intent,
    ) -> Result<Option<Certificate>, ClientError> {
        let path = in_path(paths::REVOKE_CERTIFICATE, authority, serial);
        self.send(Call::change(Method::POST, path, intent)?.json(why)).await?.changed(intent).await
    }

    /// Has many certificates issued: `list` is a [`NewCertificate`] a line, of which nothing is held in memory.
    ///
    /// # Errors
    /// [`ClientError`] when it cannot begin.
    pub async fn issue_certificates(
        &self,
        list: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Updates<'_, CertificateUpdate>, ClientError> {
        let call = Call::change(Method::POST, paths::IMPORT_CERTIFICATES.to_owned(), Intent::Make)?;
        self.streamed(call, paths::IMPORT_CERTIFICATES, ImportFormat::JsonLines, list).await
    }
}

fn in_path(path: &str, authority: &str, serial: &str) -> String {
    fill(path, &[("authority", authority), ("serial", serial)])
}
