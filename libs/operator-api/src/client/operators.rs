//! Calls about users and tokens.

use hyper::Method;

use super::{
    Client, ClientError, Intent,
    call::{Call, fill},
};
use crate::{IssuedToken, NewToken, NewUser, TokenList, User, UserList, paths};

impl Client {
    /// Every user.
    ///
    /// # Errors
    /// [`ClientError`], as with every call of the client.
    pub async fn users(&self) -> Result<UserList, ClientError> {
        self.send(Call::get(paths::USERS.to_owned())).await?.json().await
    }

    /// Adds a user, or gives it another role.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_user(&self, name: &str, user: &NewUser, intent: Intent) -> Result<Option<User>, ClientError> {
        let call = Call::change(Method::PUT, fill(paths::USER, &[("user", name)]), intent)?.json(user);
        self.send(call).await?.changed(intent).await
    }

    /// Removes a user and its tokens.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_user(&self, name: &str, intent: Intent) -> Result<(), ClientError> {
        let call = Call::change(Method::DELETE, fill(paths::USER, &[("user", name)]), intent)?;
        self.send(call).await?.whole().await.map(drop)
    }

    /// The tokens that one may see.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tokens(&self) -> Result<TokenList, ClientError> {
        self.send(Call::get(paths::TOKENS.to_owned())).await?.json().await
    }

    /// Makes a token. Its secret is told once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_token(&self, token: &NewToken, intent: Intent) -> Result<Option<IssuedToken>, ClientError> {
        let call = Call::secret(paths::TOKENS.to_owned(), intent).json(token);
        self.send(call).await?.changed(intent).await
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_token(&self, id: &str, intent: Intent) -> Result<(), ClientError> {
        let call = Call::change(Method::DELETE, fill(paths::TOKEN, &[("token", id)]), intent)?;
        self.send(call).await?.whole().await.map(drop)
    }
}
