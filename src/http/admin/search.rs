//! Looking for the records that hold an address: the admin side asks whoever looks, and has no thread of its own.

use futures_util::future::BoxFuture;

use crate::forget::address::Sought;
use crate::http::problem::ProblemCode;
use crate::purpose::PurposeId;
use crate::store::{Matches, StoreError};

/// What a look for an address comes to.
pub type Looked = BoxFuture<'static, Result<Matches, StoreError>>;

/// Tells which records hold an address. One for both doors.
pub struct Search(Box<dyn Fn(Sought, Vec<PurposeId>) -> Looked + Send + Sync>);

impl Search {
    /// Asks this whenever somebody looks.
    pub fn new(look: impl Fn(Sought, Vec<PurposeId>) -> Looked + Send + Sync + 'static) -> Self {
        Self(Box::new(look))
    }

    /// Which records of these purposes hold it; none named: of all.
    ///
    /// # Errors
    /// As many look as may, it takes too long, or the store's.
    pub(super) async fn matching(
        &self,
        sought: Sought,
        purposes: Vec<PurposeId>,
    ) -> Result<Matches, StoreError> {
        (self.0)(sought, purposes).await
    }
}

/// The address that a caller typed.
///
/// # Errors
/// [`ProblemCode::AddressInvalid`].
pub(super) fn sought(address: Address<'_>) -> Result<Sought, ProblemCode> {
    let sought = match address {
        Address::Email(typed) => Sought::email(typed),
        Address::Phone(typed) => Sought::phone(typed),
    };
    sought.ok_or(ProblemCode::AddressInvalid)
}

/// As it stands in a body.
#[derive(Clone, Copy)]
pub(super) enum Address<'b> {
    Email(&'b str),
    Phone(&'b str),
}
