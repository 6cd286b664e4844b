//! Follows the sequencer: what it published, and which policy is in force.

use std::sync::Arc;

use ledger::digest::Digest;
use ledger::policy::Policy;
use ledger::sequencer::Handle;
use ledger::store::StoreReader;
use ledger::witness::client::Witnesses;

use super::Cosigning;
use super::ask::Asker;
use super::peer::{self, Peer};

/// Whoever follows.
pub struct Follower {
    cosigning: Arc<Cosigning>,
    ledger: Handle,
    asker: Asker,
    in_force: Option<Digest>,
}

impl Follower {
    /// Takes up the policy in force. Nothing is asked before [`Follower::run`].
    #[must_use]
    pub fn new(cosigning: Arc<Cosigning>, ledger: Handle) -> Self {
        let asker = Asker::new(cosigning.settings.timeout());
        let mut follower = Self { cosigning, ledger, asker, in_force: None };
        let kept = follower.cosigning.log.kept_witnessed();
        follower.turn_to_policy(kept.clone());
        follower
    }

    /// Follows until the sequencer is gone or the future is dropped.
    pub async fn run(mut self) {
        let mut lengths = self.ledger.lengths();
        loop {
            let shown = self.cosigning.log.shown();
            self.turn_to_policy(shown);
            self.publish();
            if lengths.changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells the witnesses' threads what was published.
    fn publish(&self) {
        let (Some(policy), Some(newest)) = (self.in_force, self.cosigning.log.checkpoint()) else { return };
        self.cosigning.with(&policy, |witnesses| witnesses.publish(newest));
        self.cosigning.wake();
    }

    /// Puts the ledger's policy in force if it is another one. `shown` is what the public was shown
    /// under the one before: it stands until the new one is met.
    fn turn_to_policy(&mut self, shown: Option<Arc<ledger::checkpoint::SignedCheckpoint>>) {
        let published = self.ledger.published();
        let Some(digest) = published.state.opened().map(|opened| opened.witness_policy) else { return };
        if self.in_force == Some(digest) {
            return;
        }
        self.in_force = Some(digest);
        let Some(policy) = read_policy(self.ledger.store().as_ref(), &digest) else {
            // Nobody can say what would meet it, so nothing new does.
            self.cosigning.log.ask_for_witnesses(shown);
            self.cosigning.ask(None);
            return;
        };
        if policy.needs_no_witness() {
            self.cosigning.ask(None);
            return;
        }
        let settings = &self.cosigning.settings;
        let mut witnesses =
            Witnesses::new(policy.clone(), settings.refresh(), |party| settings.url(party).is_some());
        if let Some(shown) = &shown {
            witnesses.resume(shown);
        }
        self.cosigning.log.ask_for_witnesses(shown);
        self.cosigning.ask(Some((digest, witnesses)));
        for (place, party) in policy.witnesses().iter().enumerate() {
            let name = party.name.clone();
            match settings.url(party) {
                Some(url) => {
                    let peer = Peer { policy: digest, place, name, url };
                    peer::start(&self.cosigning, &self.asker, peer);
                }
                None => tracing::warn!(
                    witness = name,
                    "a witness is not asked: it has no http:// URL, or is ignored"
                ),
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.cosigning.end();
    }
}

/// The policy's document, which is durable since the record that names it; `None` if it cannot be read.
pub(super) fn read_policy(store: &dyn StoreReader, digest: &Digest) -> Option<Policy> {
    let document = store.document(digest);
    let text = document.map(|document| document.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()));
    let policy = match text {
        Ok(Some(text)) => Policy::parse(&text).map_err(|error| error.to_string()),
        Ok(None) => Err("the document is not at hand, or no text".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    policy
        .inspect_err(|error| tracing::error!(error, policy = %digest, "the witness policy cannot be read"))
        .ok()
}
