//! What the keyring lies on: a warning where destroyed keys are not overwritten there.

use std::path::Path;

use crate::config::{Fault, FaultCode};
use crate::machine::filesystem::Overwriting;

/// What is said of the keyring at this path, if something is. Of what the system refuses to tell whoever opens it will.
pub(super) fn warning(keyring: &Path) -> Option<Fault> {
    Overwriting::at(keyring).ok().and_then(of)
}

fn of(overwriting: Overwriting) -> Option<Fault> {
    let lies = match overwriting {
        Overwriting::InPlace => return None,
        Overwriting::CopyOnWrite => "on a file system that writes every change elsewhere",
        Overwriting::Overlay => "on layers of a container",
        Overwriting::Network => "on another machine",
        Overwriting::Unknown => "on a file system of which nobody knows where it writes",
    };
    let reason = format!("it lies {lies}: keys that are destroyed may stay there, sealed by the root key");
    let mend = "Put it on a disk of its own with ext4 or xfs, and take no snapshots of that.";
    Some(Fault::new(FaultCode::KeyringStorage, "keys.keyring", reason, mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_keys_are_overwritten_nothing_is_said() {
        let said = |number| of(Overwriting::of_number(number)).map(|fault| fault.to_string());
        // ext4, xfs, tmpfs.
        assert_eq!([said(0xef53), said(0x5846_5342), said(0x0102_1994)], [None, None, None]);
        for (number, lies) in [
            (0x9123_683e, "elsewhere"),
            (0x2fc1_2fc1, "elsewhere"),
            (0x794c_7630, "container"),
            (0x6969, "another machine"),
            (0x6573_5546, "nobody knows"),
        ] {
            let said = said(number).expect("a warning");
            assert!(said.starts_with("keys.keyring: ") && said.contains(lies), "{said}");
        }
    }
}
