//! What runs beside the serving of requests. When a part of it breaks, so does the coordinator: whoever started it starts
//! it again, which is better than one that looks ready and leaves half of its work undone.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};

/// The parts, by name. They end with it.
#[derive(Debug, Default)]
pub struct Background {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Background {
    pub fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(part).id();
        self.names.insert(id, name);
    }

    /// Waits for a part that breaks. One that ends was told to.
    pub async fn broken(&mut self) -> anyhow::Error {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                let name = self.names.get(&error.id()).copied().unwrap_or_default();
                return anyhow::Error::new(error).context(format!("{name} broke"));
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::Background;

    #[tokio::test]
    async fn a_part_that_breaks_is_told_by_name_and_one_that_ends_is_not() {
        let mut background = Background::default();
        background.spawn("the quick", async {});
        background.spawn("the steady", std::future::pending());
        background.spawn("the hasty", async {
            tokio::task::yield_now().await;
            panic!("planned");
        });
        assert_eq!(background.broken().await.to_string(), "the hasty broke");
    }
}
