//! The authorities that watch over data protection, by the country of who answers for the data (GDPR art. 13(2)(d)).
//!
//! Names and addresses as the European Data Protection Board lists its members; each authority moves its pages about, so what
//! is linked is its front page, save where the page for complaints is well known.

use crate::purpose::law::Authority;

/// Country, name, page, and where letters go, if that is known.
type Row = (&'static str, &'static str, &'static str, Option<&'static str>);

/// The authority of each country of the EEA that has one for all private bodies. Germany has one a federal state: only the
/// controller knows which (`controller.authority`); until it says so, people are shown the list of all.
const AUTHORITIES: &[Row] = &[
    (
        "FR",
        "Commission nationale de l’informatique et des libertés (CNIL)",
        "https://www.cnil.fr/fr/plaintes",
        Some("3 place de Fontenoy, TSA 80715, 75334 Paris Cedex 07"),
    ),
    (
        "DE",
        "Datenschutzaufsichtsbehörde des Bundeslandes",
        "https://www.bfdi.bund.de/DE/Service/Anschriften/Laender/Laender-node.html",
        None,
    ),
    ("AT", "Österreichische Datenschutzbehörde", "https://www.dsb.gv.at/", None),
    (
        "BE",
        "Autorité de protection des données / Gegevensbeschermingsautoriteit",
        "https://www.autoriteprotectiondonnees.be/",
        None,
    ),
    ("BG", "Комисия за защита на личните данни (CPDP)", "https://www.cpdp.bg/", None),
    (
        "CY",
        "Γραφείο Επιτρόπου Προστασίας Δεδομένων Προσωπικού Χαρακτήρα",
        "https://www.dataprotection.gov.cy/",
        None,
    ),
    ("CZ", "Úřad pro ochranu osobních údajů", "https://uoou.gov.cz/", None),
    ("DK", "Datatilsynet", "https://www.datatilsynet.dk/", None),
    ("EE", "Andmekaitse Inspektsioon", "https://www.aki.ee/", None),
    ("ES", "Agencia Española de Protección de Datos", "https://www.aepd.es/", None),
    ("FI", "Tietosuojavaltuutetun toimisto", "https://tietosuoja.fi/", None),
    ("GR", "Αρχή Προστασίας Δεδομένων Προσωπικού Χαρακτήρα", "https://www.dpa.gr/", None),
    ("HR", "Agencija za zaštitu osobnih podataka", "https://azop.hr/", None),
    ("HU", "Nemzeti Adatvédelmi és Információszabadság Hatóság", "https://www.naih.hu/", None),
    ("IE", "Data Protection Commission", "https://www.dataprotection.ie/", None),
    ("IS", "Persónuvernd", "https://www.personuvernd.is/", None),
    ("IT", "Garante per la protezione dei dati personali", "https://www.garanteprivacy.it/", None),
    ("LI", "Datenschutzstelle Fürstentum Liechtenstein", "https://www.datenschutzstelle.li/", None),
    ("LT", "Valstybinė duomenų apsaugos inspekcija", "https://vdai.lrv.lt/", None),
    ("LU", "Commission nationale pour la protection des données (CNPD)", "https://cnpd.public.lu/", None),
    ("LV", "Datu valsts inspekcija", "https://www.dvi.gov.lv/", None),
    ("MT", "Information and Data Protection Commissioner", "https://idpc.org.mt/", None),
    ("NL", "Autoriteit Persoonsgegevens", "https://autoriteitpersoonsgegevens.nl/", None),
    ("NO", "Datatilsynet", "https://www.datatilsynet.no/", None),
    ("PL", "Urząd Ochrony Danych Osobowych", "https://uodo.gov.pl/", None),
    ("PT", "Comissão Nacional de Proteção de Dados (CNPD)", "https://www.cnpd.pt/", None),
    (
        "RO",
        "Autoritatea Națională de Supraveghere a Prelucrării Datelor cu Caracter Personal",
        "https://www.dataprotection.ro/",
        None,
    ),
    ("SE", "Integritetsskyddsmyndigheten (IMY)", "https://www.imy.se/", None),
    ("SI", "Informacijski pooblaščenec", "https://www.ip-rs.si/", None),
    ("SK", "Úrad na ochranu osobných údajov", "https://dataprotection.gov.sk/", None),
];

/// The authority of this country (ISO 3166-1), if one is known. Parts of France have that of France.
pub fn authority_of(country: &str) -> Option<Authority> {
    let country = match country {
        "GF" | "GP" | "MF" | "MQ" | "RE" | "YT" => "FR",
        "AX" => "FI",
        other => other,
    };
    let (_, name, url, address) = AUTHORITIES.iter().find(|(code, ..)| *code == country)?;
    Some(Authority { name: (*name).to_owned(), url: (*url).to_owned(), address: address.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::law::{is_country, is_in_eea};

    #[test]
    fn every_country_of_the_eea_has_an_authority_and_no_other() {
        for first in 'A'..='Z' {
            for second in 'A'..='Z' {
                let code = format!("{first}{second}");
                let wanted = is_country(&code) && is_in_eea(&code);
                assert_eq!(authority_of(&code).is_some(), wanted, "{code}");
            }
        }
        assert_eq!(AUTHORITIES.len(), 30, "each once");
        assert!(AUTHORITIES.iter().all(|(_, _, url, _)| url.starts_with("https://")));
    }
}
