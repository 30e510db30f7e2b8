//! What is wrong with a config: the key, the reason and the mend, never the value.
//!
//! A value may be a secret that was pasted into the wrong place, so none is ever echoed; the texts of serde and of the
//! TOML parser do echo them, and are not used. Names of the operator's own making (purposes, fields, consents,
//! recipients) are keys, and may stand in a text.

use std::fmt;

use crate::config::excerpt::Excerpt;
use crate::purpose::form_check::FindingCode;
use crate::secret::location::LocationCode;

crate::codes! {
    /// Why a config is refused, or warned about.
    pub enum FaultCode {
        /// There is no config file.
        FileAbsent = "config-absent",
        /// The file cannot be read.
        FileUnreadable = "config-unreadable",
        /// The file is larger than any sensible config.
        FileTooLarge = "config-too-large",
        /// The file is not TOML.
        Syntax = "config-syntax",
        /// A key that tamis does not know.
        UnknownKey = "config-unknown-key",
        /// A key that must be there.
        Missing = "config-missing",
        /// A number where a text belongs, and the like.
        WrongType = "config-wrong-type",
        /// A value that cannot be read as what it should be.
        Malformed = "config-malformed",
        /// A number outside its bounds.
        OutOfRange = "config-out-of-range",
        /// A value that is not on a closed list.
        NotOnList = "config-not-on-list",
        /// A text or list with nothing in it.
        Empty = "config-empty",
        /// The same thing twice.
        Duplicate = "config-duplicate",
        /// The environment tries to set a list.
        EnvironmentList = "environment-list",
        /// A `TAMIS__…` variable whose name is no key.
        EnvironmentName = "environment-name",
        /// Not exactly one of `file`, `env`, `credential`.
        LocationAmbiguous = "location-ambiguous",
        /// A secret stands where its location belongs.
        SecretInConfig = "secret-in-config",
        /// A URL without TLS that is not loopback.
        InsecureUrl = "insecure-url",
        /// Mails in clear to a server that is not loopback.
        MailInClear = "mail-in-clear",
        /// Two paths that must not lie within one another.
        PathOverlap = "path-overlap",
        /// Two listeners on one address.
        AddressTaken = "address-taken",
        /// A listener that the network may reach, or a socket whose directory others may enter.
        Exposed = "exposed",
        /// A file or directory that belongs to neither root nor the daemon's user.
        ForeignOwner = "path-foreign-owner",
        /// A file or directory that others may write, or put another in its place.
        Writable = "path-writable",
        /// A retry that outlives the lead at Meta.
        RetryTooLong = "retry-too-long",
        /// More memory than a small host has.
        MemoryLarge = "memory-large",
        /// Two purposes hold every lead of one form, whatever its boxes say.
        FormHeldTwice = "form-held-twice",
        /// One of several purposes of a form, and the form lacks the tick-box by which people choose it.
        PurposeWithoutBox = "purpose-without-box",
        /// Two purposes of one form both need a tick in the same box.
        BoxShared = "box-shared",
        /// A purpose that claims no form, or no purpose at all.
        NothingClaimed = "nothing-claimed",
        /// A purpose that may hold no field.
        WhitelistEmpty = "whitelist-empty",
        /// A field whose need is not stated.
        WhyMissing = "why-missing",
        /// A field of a special category without its ground.
        SpecialCategory = "special-category",
        /// A phone number without a consent to calls or messages.
        PhoneWithoutConsent = "phone-without-consent",
        /// An e-mail address without a consent to e-mail.
        EmailWithoutConsent = "email-without-consent",
        /// Basis consent without a consent.
        PurposeWithoutConsent = "purpose-without-consent",
        /// A record could be stored without any consent given.
        ConsentNotRequired = "consent-not-required",
        /// A consent that the purpose does not declare.
        ConsentUnknown = "consent-unknown",
        /// A consent that holds longer than the law says.
        ConsentLong = "consent-long",
        /// A recipient that is no processor, and no consent to hand data to it.
        RecipientWithoutConsent = "recipient-without-consent",
        /// A phone number collected for a trade for which nobody may be called.
        TradeForbidsCalls = "trade-forbids-calls",
        /// One tick-box key with two texts on the forms of a purpose.
        ConsentTextsDiffer = "consent-texts-differ",
        /// A tick-box that is ticked when the form opens.
        BoxPreTicked = "box-pre-ticked",
        /// A tick-box of which nobody knows how it stands when the form opens.
        BoxDefaultUnknown = "box-default-unknown",
        /// A form without the tick-box that a consent counts.
        BoxAbsent = "box-absent",
        /// A form of a purpose's pages that is no copy of its forms.
        FormDiffers = "form-differs",
        /// A recipient that is not declared.
        RecipientUnknown = "recipient-unknown",
        /// A field that the purpose does not have.
        FieldUnknown = "field-unknown",
        /// A question type that stands for anything at all.
        TypeTooWide = "type-too-wide",
        /// A question type that Meta is not known to have.
        TypeUnknown = "type-unknown",
        /// A field that matches only forms in one language.
        TypeAdvised = "type-advised",
        /// A language in which people will find no text.
        LanguageMissing = "language-missing",
        /// Longer than the authorities recommend.
        RetentionLong = "retention-long",
        /// A field that no question of a form feeds.
        FieldUnfed = "field-unfed",
        /// The same, and a question whose answers are dropped has nearly its key.
        FieldNearMiss = "field-near-miss",
        /// The same, and the question is there under another key, since the form is in another language.
        FieldOneLanguage = "field-one-language",
        /// A period that is shorter than the one under which records are held.
        PeriodShorter = "period-shorter",
        /// A field that records hold and the purpose does not name.
        FieldGone = "field-gone",
        /// Records of a purpose that is not named.
        PurposeGone = "purpose-gone",
        /// A key that has no effect here.
        NoEffect = "no-effect",
        /// An element of the notice that the law asks for and the config does not give.
        NoticeIncomplete = "notice-incomplete",
        /// A secret of a form that cannot be right.
        SecretMalformed = "secret-malformed",
        /// A secret between quotes, which are taken for a part of it.
        SecretQuoted = "secret-quoted",
        /// The address of the webhook where that of its host belongs.
        UrlWebhook = "url-webhook",
        /// A keyring on what does not write over old bytes.
        KeyringStorage = "keyring-storage",
    }
}

/// A code of this room, or of the secret's location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Something in the file or the environment.
    Config(FaultCode),
    /// A secret that cannot be had from its location.
    Secret(LocationCode),
    /// What a form asks, says or links.
    Form(FindingCode),
}

impl Code {
    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config(code) => code.as_str(),
            Self::Secret(code) => code.as_str(),
            Self::Form(code) => code.as_str(),
        }
    }
}

impl From<FaultCode> for Code {
    fn from(code: FaultCode) -> Self {
        Self::Config(code)
    }
}
impl From<FindingCode> for Code {
    fn from(code: FindingCode) -> Self {
        Self::Form(code)
    }
}
impl From<LocationCode> for Code {
    fn from(code: LocationCode) -> Self {
        Self::Secret(code)
    }
}
impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that is wrong, or worth a warning.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// The dotted path of the key; empty: the file as a whole.
    pub key: String,
    /// The variable that set it, where it was the environment and not the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Where in the file, of what is no TOML: no key is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Box<Excerpt>>,
    /// What is wrong, without a full stop.
    pub reason: String,
    /// What to do about it: a sentence.
    pub mend: String,
}

impl Fault {
    /// A fault that no variable set.
    pub(crate) fn new(
        code: impl Into<Code>,
        key: &str,
        reason: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (code, reason, mend) = (code.into(), reason.into(), mend.into());
        Self { code, key: key.to_owned(), variable: None, at: None, reason, mend }
    }

    /// What is wrong there.
    pub(super) fn at(at: Excerpt, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { at: Some(Box::new(at)), ..Self::new(FaultCode::Syntax, "", reason, mend) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_deref() {
            Some(Excerpt { line, column, .. }) => write!(f, "line {line}, column {column}: ")?,
            None if self.key.is_empty() => {}
            None => write!(f, "{}: ", self.key)?,
        }
        f.write_str(&self.reason)?;
        if let Some(variable) = &self.variable {
            write!(f, " (set by {variable})")?;
        }
        write!(f, " [{}]. {}", self.code.as_str(), self.mend)?;
        self.at.iter().try_for_each(|at| write!(f, "\n{at}"))
    }
}

/// Everything that was found, at once. There is at least one fault; warnings alone refuse nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Faults {
    /// What refuses the config.
    pub faults: Vec<Fault>,
    /// What a person should look at.
    pub warnings: Vec<Fault>,
}

impl Faults {
    /// One fault, where nothing else could be looked at.
    pub(super) fn one(code: FaultCode, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { faults: vec![Fault::new(code, "", reason, mend)], warnings: Vec::new() }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}
