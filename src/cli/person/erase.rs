//! `tamis person erase` and `tamis person object`: the erasure by an address, as `tamis erase` asks for it.

use crate::api::erasures::{Erase, ErasedBy};
use crate::cli::erase::{Came, Errand, askers, grounds};
use crate::cli::paper::PaperArguments;
use crate::cli::person::requests::OfRequest;
use crate::cli::person::{Address, REASON, Who};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::Daemon;
use crate::purpose::law::RequestKind;
use crate::secret::location::Environment;
use crate::terminal::{Failure, tell};

/// What is erased for whoever objects, and what goes on the list.
const OBJECTION: &str = "objection";

const ERASE_EXAMPLE: &str = "\
Each submission of which a record holds the address goes, whole, and does not come back: look first with --dry-run. It is what
`tamis erase --email-stdin` does, under the person's own request (GDPR art. 17). Whoever must not be stored again objects.
With --tell a letter goes to them first: nobody uses what is theirs meanwhile, nothing takes it back, and after three days it is erased
untold. The request stays open until then: write down that it is answered with the line that stderr shows.
Exit codes: those of `tamis erase`. Where nobody knows what is erased, the failure says the --repeat KEY that has the receipt.

Example:
  tamis person erase --email-stdin --format html --lang fr --output recu.html < address.txt
  tamis person erase --email-stdin --tell < address.txt";

const OBJECT_EXAMPLE: &str = "\
First the address goes on the list of who objected, so that what comes later is not stored; then what an objection ends is
erased (GDPR art. 21): what rests on a consent or a legitimate interest. What the person asked for themselves (basis contract or
pre_contract) stays, and no consent of it holds any more; --everything erases that too.
Exit codes: those of `tamis erase`. Where nobody knows what is erased, the failure says the --repeat KEY that has the receipt.

Example:
  tamis person object --email-stdin --format html --lang fr --output recu.html < address.txt";

#[derive(clap::Args)]
#[command(after_help = ERASE_EXAMPLE)]
pub(super) struct EraseArguments {
    #[command(flatten)]
    common: Common,
    /// Why; it stands in the trail and in the receipt
    #[arg(long, value_parser = grounds(), default_value = REASON)]
    reason: String,
    /// Tell them by mail first, and erase then: within three days, told or not
    #[arg(long, conflicts_with_all = ["output", "lang"])]
    tell: bool,
}

#[derive(clap::Args)]
#[command(after_help = OBJECT_EXAMPLE)]
pub(super) struct ObjectArguments {
    #[command(flatten)]
    common: Common,
    /// Erase also what the person asked for themselves
    #[arg(long)]
    everything: bool,
}

/// What both take, as `tamis erase` does.
#[derive(clap::Args)]
struct Common {
    #[command(flatten)]
    who: Who,
    /// For this purpose alone; may come several times
    #[arg(long = "purpose", value_name = "PURPOSE")]
    purposes: Vec<String>,
    /// Who wanted it [default: by the reason]
    #[arg(long, value_name = "WHO", value_parser = askers())]
    asked_by: Option<String>,
    /// Say how much it would take, and erase nothing
    #[arg(long, conflicts_with_all = ["output", "lang", "repeat"])]
    dry_run: bool,
    /// By what a request is known again that is sent twice [default: drawn for each run]
    #[arg(long, value_name = "KEY")]
    repeat: Option<String>,
    #[command(flatten)]
    paper: PaperArguments,
    #[command(flatten)]
    of_request: OfRequest,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Has everything erased that holds the address.
pub(super) async fn erase(
    EraseArguments { common, reason, tell }: EraseArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let how = How { keep_own_requests: false, tell };
    common.carry_out((RequestKind::Erasure, reason), how, config, environment).await.map(drop)
}

/// Puts the address on the list, and has erased what an objection ends.
pub(super) async fn object(
    ObjectArguments { common, everything }: ObjectArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let what = (RequestKind::Objection, OBJECTION.to_owned());
    let how = How { keep_own_requests: !everything, tell: false };
    let erased = common.carry_out(what, how, config, environment).await?;
    if erased.is_some() && !everything {
        tell(
            "what they asked for themselves (basis contract or pre_contract) stays, if there is any: --everything erases it too",
        );
    }
    Ok(())
}

/// What one of them does, and not the other.
struct How {
    /// What the person asked for themselves stays.
    keep_own_requests: bool,
    /// They are told first.
    tell: bool,
}

impl Common {
    async fn carry_out(
        self,
        (kind, reason): (RequestKind, String),
        How { keep_own_requests, tell }: How,
        config: &ConfigPath,
        environment: &Environment,
    ) -> Result<Option<Came>, Failure> {
        let Self { who, purposes, asked_by, dry_run, repeat, paper, of_request, socket } = self;
        let by = match who.read()? {
            Address::Email(email) => ErasedBy::Email(email),
            Address::Phone(phone) => ErasedBy::Phone(phone),
        };
        let purposes = Some(purposes).filter(|purposes| !purposes.is_empty());
        let question = Erase { by, purposes, asked_by, keep_own_requests, tell, dry_run };
        let socket = socket.locate(config, environment)?;
        let errand = Errand { question, reason, repeat, paper };
        if dry_run {
            return errand.carry_out(socket).await;
        }
        let daemon = Daemon::at(socket.clone())?;
        let request = of_request.open(&daemon, kind).await?;
        let came = errand.carry_out(socket).await.map_err(|failure| request.still_open(failure))?;
        match &came {
            Some(Came::Waits(number)) => request.waits(number),
            Some(Came::Erased(number)) => request.answered(&daemon, Some(number.clone())).await?,
            None => request.answered(&daemon, None).await?,
        }
        Ok(came)
    }
}
