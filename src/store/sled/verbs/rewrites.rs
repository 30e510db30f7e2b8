//! Records written anew: asked for.

use async_trait::async_trait;

use crate::store::sled::SledStore;
use crate::store::sled::verbs::rewriting::{self, Drafted};
use crate::store::{RewriteRequest, Rewrites, Rewriting, StoreError};
use crate::trail::Entry;

#[async_trait]
impl Rewrites for SledStore {
    async fn rewrite(&self, request: RewriteRequest, entry: Entry) -> Result<Rewriting, StoreError> {
        request.require_bound()?;
        let weight = request.records.len().max(1);
        let Drafted { each, ended } =
            self.writer.rewrite(weight, move |draft| rewriting::rewrite(draft, &request, &entry)).await?;
        let keys_destroyed = ended.is_none_or(|ended| ended.get().is_some());
        Ok(Rewriting { each, keys_destroyed })
    }
}
