//! Files that are and are not bundles.
