//! What the sieve let fall: names of questions, never an answer.

/// Meta's standard keys (English) and types of questions: the only names of dropped fields that a log may show. Others
/// are the form author's words and may reveal by themselves.
const STANDARD: [&str; 24] = [
    "full_name",
    "first_name",
    "last_name",
    "email",
    "work_email",
    "phone_number",
    "work_phone_number",
    "whatsapp_number",
    "city",
    "state",
    "province",
    "country",
    "post_code",
    "zip_code",
    "street_address",
    "date_of_birth",
    "gender",
    "marital_status",
    "relationship_status",
    "military_status",
    "company_name",
    "job_title",
    "education_level",
    "inbox_url",
];

/// How much of a custom name is kept, in bytes: names are shown to an operator, not matched.
const NAME_BYTES_MAX: usize = 120;

/// The names of the fields of one lead that were dropped, each once or as often as it came.
#[derive(Default)]
pub struct Dropped(Vec<String>);

impl Dropped {
    /// Notes a dropped field by the key of its question.
    pub fn note(&mut self, key: &str) {
        let mut end = key.len().min(NAME_BYTES_MAX);
        while !key.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push(key[..end].to_owned());
    }

    /// The names, for the counters by form that `tamis inbox` shows.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// How many fields were dropped.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The names that a log line may show.
    pub fn standard(&self) -> Vec<&'static str> {
        self.0.iter().filter_map(|name| STANDARD.iter().find(|known| *known == name).copied()).collect()
    }

    /// How many others there were.
    pub fn custom(&self) -> usize {
        self.count() - self.standard().len()
    }
}
