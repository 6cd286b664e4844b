//! Runs that failed once, told from the beginning.

use ledger::digest::Digest;

use super::machine::Running;
use super::{Found, Run};
use crate::model::{Ask, Deed, Leg, Paper};

/// A run on its stage, and the asks of a story.
struct Told {
    run: Run,
    running: Running,
    asked: u64,
}

impl Told {
    fn begin() -> Self {
        let mut run = Run::new(0);
        let mut running = run.recover().expect("an empty ledger opens");
        run.set_the_stage(&mut running).expect("the stage is set");
        Self { run, running, asked: 0 }
    }

    fn ask(&mut self, author: &str, deed: Deed) -> Ask {
        self.asked += 1;
        Ask {
            author: author.to_owned(),
            signer: author.to_owned(),
            idempotency_key: format!("story-{:020}", self.asked),
            expires_at: self.run.machine.clock.shown() + 600_000,
            expect: None,
            deed,
        }
    }

    /// Sends asks so that they are judged in one batch, and gives their ids; of each the answer is
    /// compared with the model's.
    fn batch(&mut self, asks: Vec<Ask>) -> Result<(), Found> {
        let mut waiting = Vec::new();
        for ask in asks {
            waiting.extend(self.run.send_new(&self.running, ask)?);
        }
        self.run.step(&mut self.running, waiting, &mut super::life::Arranged::default())?;
        self.run.check_step(&self.running)
    }

    /// The id that an ask has once it is signed.
    fn id(&mut self, ask: &Ask) -> Digest {
        let now = self.run.machine.clock.shown();
        let sent = self.run.clients.sign(ask.clone(), now);
        self.run.clients.sent[sent].id
    }

    fn crash(&mut self) -> Result<(), Found> {
        self.run.machine.lose_power(&mut self.run.rng);
        self.running = self.run.recover()?;
        self.run.reconcile(&self.running, &[])
    }
}

/// An approval that came in the same batch as the command it approves was judged without that command's
/// document, which is looked up when the approval arrives and the command was not yet known then. One
/// that completed the quorum was refused with `document_digest`. Worse, one that did not, after the
/// policy had changed in the same batch, was recorded as one of two approvals; taken up again, with the
/// document at hand, it applied the command at once, so that the ledger did not open any more.
#[test]
fn an_approval_that_comes_with_the_command_it_approves() {
    let mut told = Told::begin();
    let leg = |from: &str, to: &str, amount: &str| Leg {
        from: from.to_owned(),
        to: to.to_owned(),
        asset: "BTC".to_owned(),
        amount: amount.to_owned(),
    };
    let version = told.run.model.next_policy();
    let strict = told.ask("pb", Deed::SetPolicy { version, strict: true });
    let (movement, immediate) = ("deposit".to_owned(), false);
    let legs = vec![leg("ext.btc", "acme.btc", "100")];
    let deposit =
        told.ask("pb", Deed::Instruct { movement: movement.clone(), immediate, legs, expires: None });
    let evidence = Paper { name: "evidence".to_owned(), brought: true };
    let settled = told.ask("bank", Deed::Settle { movement, amounts: None, evidence });
    let id = told.id(&strict);
    let mut asks = vec![strict, deposit, settled];
    asks.extend(["acme", "zeta"].map(|other| told.ask(other, Deed::Say { verb: "give", command: id })));
    told.batch(asks).expect("the first batch is answered as the model says");

    let (movement, document) = ("paid".to_owned(), "payments".to_owned());
    let legs = vec![leg("acme.btc", "zeta.btc", "7")];
    let paid = told.ask("pb", Deed::Batch { movement, document, legs, count: 1 });
    let lax = told.ask("pb", Deed::SetPolicy { version: version + 1, strict: false });
    let (of_paid, of_lax) = (told.id(&paid), told.id(&lax));
    let mut asks = vec![paid, lax];
    for (other, command) in [("acme", of_lax), ("zeta", of_lax), ("aud", of_paid)] {
        asks.push(told.ask(other, Deed::Say { verb: "give", command }));
    }
    told.batch(asks).expect("the second batch is answered as the model says");
    told.crash().expect("the ledger opens with what was acknowledged");
}
