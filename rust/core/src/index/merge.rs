//! Merging: file and delta become a new file, while look-ups are answered and changes taken.

use std::path::Path;
use std::sync::{Arc, TryLockError};

use crate::index::build::{BuildOptions, Builder};
use crate::index::{Base, Index, IndexError, Progress, State, delta_beside, order_of};

/// Changes that may be left when a merged file takes over; look-ups wait for these.
const CHANGES_LEFT: usize = 256;

impl Index {
    /// Writes file and delta into a new file at `path`, and goes on with that; look-ups and changes go on meanwhile.
    ///
    /// # Errors
    /// `Busy` if another merge is under way, `NotVerified`, `Io`; the index then goes on as it was.
    pub fn merge(&self, path: &Path, options: &BuildOptions, progress: &mut Progress<'_>) -> Result<(), IndexError> {
        let _merging = match self.merging.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(IndexError::Busy("another merge is under way"));
            }
        };
        let merged = self.write_merged(path, options, progress).and_then(|base| self.take_over(base));
        if merged.is_err() {
            self.write().delta.stop_log();
        }
        merged
    }

    fn write_merged(
        &self,
        path: &Path,
        options: &BuildOptions,
        progress: &mut Progress<'_>,
    ) -> Result<Base, IndexError> {
        self.base().must_be_verified()?;
        self.write().delta.start_log();
        // Changes that come before the copy is made are in the log and in the copy; applied twice they do no harm.
        let (base, snapshot) = {
            let state = self.read();
            (Arc::clone(&state.base), state.delta.snapshot())
        };
        let mut builder = Builder::new();
        builder.add_base(&base, &|id| !snapshot.hidden.contains(&id))?;
        snapshot.add_to(&mut builder)?;
        drop((snapshot, base));
        builder.write(path, options, progress)?;
        let merged = Base::open(path)?;
        merged.verify(options.threads, &mut |_, _| true)?;
        Ok(merged)
    }

    /// Brings a delta for the new file up to date, then puts both in the place of the old ones.
    fn take_over(&self, base: Base) -> Result<(), IndexError> {
        let mut delta = delta_beside(&base);
        let mut taken = 0;
        loop {
            let changes = self.read().delta.logged(taken).to_vec();
            for change in &changes {
                delta.apply(change, &|list| order_of(&base, list));
            }
            taken += changes.len();
            if changes.len() <= CHANGES_LEFT {
                break;
            }
        }
        let mut state = self.write();
        for change in state.delta.logged(taken) {
            delta.apply(change, &|list| order_of(&base, list));
        }
        let old = std::mem::replace(&mut *state, State { base: Arc::new(base), delta });
        drop(state);
        drop(old); // Its memory is given back after the lock is, not under it.
        Ok(())
    }
}
