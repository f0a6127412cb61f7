//! pnpm's lock (`pnpm-lock.yaml` of version 9): which packages a platform needs, and the directories and
//! links that `pnpm install --prod --ignore-scripts --frozen-lockfile` makes of them.
//!
//! Each package lies once, in `node_modules/.pnpm/NAME@VERSION/node_modules/NAME`, and links beside it
//! lead to what it depends on (pnpm's documentation, "Symlinked `node_modules` structure").

mod directory;
mod hoist;
mod lock;
mod select;

pub use lock::PnpmLock;
