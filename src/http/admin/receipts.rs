//! What receipts are made with, and `GET /receipts/key`: the public key that they are checked by.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::api::erasures::ReceiptKey;
use crate::clock::Day;
use crate::current::Current;
use crate::forget::receipt::note::{KeyName, SigningKey};
use crate::forget::receipt::{
    AskedBy, Became, ByAddress, Ground, Receipt, ReceiptNumber, Signed, Stationery,
};
use crate::http::admin::operator::{By, See};
use crate::http::problem::{Problem, ProblemCode};
use crate::notification::META_KEEPS_DAYS;
use crate::store::{Erasure, ErasureEnd, ErasureId, Papers, SharedStore};

/// What receipts are made with.
pub struct Receipts {
    /// What the config says.
    pub stationery: Arc<Current<Stationery>>,
    /// The key that signs, under this name; none: the keyring does not give it. Blocks.
    pub key: Box<dyn Fn(KeyName) -> Option<SigningKey> + Send + Sync>,
}

impl Receipts {
    /// What is kept beside an erasure that is asked for now, by an address or by an id.
    pub(in crate::http) fn papers(&self, asked_by: AskedBy, by_address: Option<ByAddress>) -> Papers {
        let stationery = self.stationery.pin();
        Papers {
            said: asked_by.as_str().as_bytes().to_vec(),
            of_all: match by_address {
                Some(by_address) => stationery.of_all_by_address(by_address),
                None => stationery.of_all(),
            },
            of_purposes: stationery.of_purposes(),
        }
    }

    /// The receipt of an erasure that is done: the same whenever it is made.
    pub(in crate::http) async fn signed(
        this: &Data<Self>,
        store: &SharedStore,
        erasure: &Erasure,
    ) -> Result<Signed, Problem> {
        let end = erasure.done.ok_or(ProblemCode::ErasurePending)?;
        let handed = store.handed_of(erasure.id).await?;
        let handed: Vec<_> = handed.into_iter().map(|to| to.recipient).collect();
        let (receipt, name) = receipt(erasure, &end, &handed).ok_or(ProblemCode::StoreFailed)?;
        let key = Self::key(this, name).await?;
        Ok(receipt.sign(&key).map_err(|_| ProblemCode::StoreFailed)?)
    }

    async fn key(this: &Data<Self>, name: KeyName) -> Result<SigningKey, ProblemCode> {
        let this = this.clone();
        let key = tokio::task::spawn_blocking(move || (this.key)(name)).await;
        // A panic of ours, or the runtime is going down; else the keyring has said why.
        key.map_err(|_| ProblemCode::Internal)?.ok_or(ProblemCode::StoreUnavailable)
    }
}

/// What an erasure came to; none: what was kept of it cannot be read.
fn receipt(erasure: &Erasure, end: &ErasureEnd, handed: &[Option<String>]) -> Option<(Receipt, KeyName)> {
    let number = |ErasureId { epoch, number }| ReceiptNumber { epoch, number };
    let traces = erasure.traces;
    let meta_until = traces.submitted.map(|day| day.plus(META_KEEPS_DAYS));
    let became = Became {
        number: number(erasure.id),
        follows: erasure.follows.map(number),
        asked: erasure.asked,
        done: end.at,
        asked_by: AskedBy::from_code(std::str::from_utf8(&erasure.papers.said).ok()?)?,
        why: Ground::of(erasure.reason?)?,
        of_all: &erasure.papers.of_all,
        of_purposes: &erasure.papers.of_purposes,
        records: &erasure.extent.records,
        handed,
        references: erasure.extent.references,
        keyring_generation: end.generation,
        trail_line: erasure.line,
        day_keys_until: traces.day_keys_until,
        tombstones_until: traces.tombstones_until,
        evidence_until: traces.evidence_until,
        meta_until: meta_until.filter(|day| *day >= Day::of(end.at)),
    };
    Receipt::of(&became).ok()
}

/// Shows the public key, as it signs from now on.
pub(super) async fn key(_by: By<See>, receipts: Data<Receipts>) -> Result<HttpResponse, Problem> {
    let name = receipts.stationery.pin().key_name.clone();
    let key = Receipts::key(&receipts, name).await?;
    Ok(HttpResponse::Ok().json(ReceiptKey { key: key.verifier().to_string() }))
}
