//! The Graph API.
