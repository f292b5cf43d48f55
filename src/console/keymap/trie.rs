//! Keys that follow one another, as a tree: what which-key shows is read from here.

use crate::console::action::Action;
use crate::console::key::KeyPress;

/// What may be pressed, in the order in which it was bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trie {
    children: Vec<(KeyPress, Node)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Leaf(Action),
    Branch(Trie),
}

/// What was found at the end of some keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found<'a> {
    Action(Action),
    Branch(&'a Trie),
}

impl Trie {
    /// Binds keys that neither begin nor continue others already here. The loader sees to that, because it can say
    /// whose they are.
    pub fn insert(&mut self, keys: &[KeyPress], action: Action) {
        let Some((key, rest)) = keys.split_first() else { return };
        if rest.is_empty() {
            self.children.push((*key, Node::Leaf(action)));
            return;
        }
        let known = self.children.iter_mut().find_map(|(known, node)| match node {
            Node::Branch(branch) if known == key => Some(branch),
            Node::Branch(_) | Node::Leaf(_) => None,
        });
        if let Some(branch) = known {
            branch.insert(rest, action);
        } else {
            let mut branch = Self::default();
            branch.insert(rest, action);
            self.children.push((*key, Node::Branch(branch)));
        }
    }

    pub fn find(&self, keys: &[KeyPress]) -> Option<Found<'_>> {
        let Some((key, rest)) = keys.split_first() else { return Some(Found::Branch(self)) };
        let (_, node) = self.children.iter().find(|(known, _)| known == key)?;
        match node {
            Node::Leaf(action) => rest.is_empty().then_some(Found::Action(*action)),
            Node::Branch(branch) => branch.find(rest),
        }
    }

    /// The fewest keys that lead to an action; of as many, those bound first.
    pub fn shortest(&self, action: Action) -> Option<Vec<KeyPress>> {
        let leaf = |(key, node): &(KeyPress, Node)| (*node == Node::Leaf(action)).then(|| vec![*key]);
        self.children.iter().find_map(leaf).or_else(|| {
            let branches = self.children.iter().filter_map(|(key, node)| match node {
                Node::Branch(branch) => Some((key, branch.shortest(action)?)),
                Node::Leaf(_) => None,
            });
            let (key, rest) = branches.min_by_key(|(_, rest)| rest.len())?;
            Some(std::iter::once(*key).chain(rest).collect())
        })
    }

    /// Everything below, with the keys that lead there.
    pub fn bindings(&self) -> Vec<(Vec<KeyPress>, Action)> {
        let mut all = Vec::new();
        for (key, node) in &self.children {
            match node {
                Node::Leaf(action) => all.push((vec![*key], *action)),
                Node::Branch(branch) => all.extend(branch.bindings().into_iter().map(|(mut keys, action)| {
                    keys.insert(0, *key);
                    (keys, action)
                })),
            }
        }
        all
    }
}
