//! One CEL expression: compiled once, checked for what cannot be or must not be, evaluated over a [`Scope`].
//!
//! CEL keeps its maps in random order, and rules are evaluated inside workflows, where the same must come out on every
//! replay. So a rule goes through lists only, and it must be plain from its text that they are lists.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr};
use cel::parser::PrattParser;
use cel::{ExecutionError, Value as CelValue};
use serde_json::Value;

use crate::spec::facts::{FUNCTIONS, LISTS, Scope, VARIABLES};

/// The longest expression, in bytes: a rule, not a program.
const LONGEST: usize = 1_000;
/// How deep an expression may be. It is evaluated by recursion, on whatever stack its caller has left.
const DEEPEST: usize = 24;

/// CEL's own functions that a rule may call; operators have names that no identifier has.
const STANDARD: [&str; 10] =
    ["size", "contains", "startsWith", "endsWith", "string", "int", "uint", "double", "bool", "type"];

/// A compiled expression and its text.
#[derive(Debug)]
pub struct Expression {
    text: String,
    root: IdedExpr,
}

impl Expression {
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let parsed = PrattParser::new().parse(text);
        let root = parsed.map_err(|errors| format!("is not CEL: {}", first_line(&errors.to_string())))?;
        Check::default().expression(&root)?;
        Ok(Self { text: text.to_owned(), root })
    }

    /// Whether it holds. What it asks for and is not there makes it false, as in `response.content.branch != ""` of an
    /// answer without content.
    pub fn holds(&self, scope: &Scope) -> Result<bool, String> {
        match self.value(scope)? {
            None | Some(CelValue::Null) => Ok(false),
            Some(CelValue::Bool(holds)) => Ok(holds),
            Some(other) => Err(format!("`{}` is {}, not true or false", self.text, other.type_of())),
        }
    }

    /// Its value as JSON; null when what it asks for is not there.
    pub fn json(&self, scope: &Scope) -> Result<Value, String> {
        match self.value(scope)? {
            None => Ok(Value::Null),
            Some(value) => {
                let json = value.json().map_err(|_| format!("`{}` is nothing that JSON has", self.text));
                // CEL's maps come in random order, and a workflow must write the same on every replay.
                json.map(|mut json| {
                    json.sort_all_objects();
                    json
                })
            }
        }
    }

    fn value(&self, scope: &Scope) -> Result<Option<CelValue>, String> {
        match CelValue::resolve(&self.root, scope.context()) {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(format!("`{}`: {}", self.text, told(&error))),
        }
    }
}

/// What CEL calls the type of null.
const NULL: &str = "null_type";

/// Reading a field that is not there, or doing something with nothing.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other error is a mistake in the rule")]
fn is_absence(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => true,
        ExecutionError::NoSuchOverload(overload) => overload.argument_types().iter().any(|kind| kind == NULL),
        ExecutionError::UnexpectedType { got, .. } => got == NULL,
        ExecutionError::UnsupportedBinaryOperator(_, left, right) => {
            matches!(left, CelValue::Null) || matches!(right, CelValue::Null)
        }
        _ => false,
    }
}

/// The error without the values it is about: they may be large, and maps print in random order.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others hold nothing but values")]
fn told(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::UndeclaredReference(name) => format!("there is no `{name}`"),
        ExecutionError::FunctionError { message, .. } => message.clone(),
        ExecutionError::UnexpectedType { got, want } => format!("it has {got} where {want} is needed"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
        _ => "its values do not fit together".to_owned(),
    }
}

/// Goes through an expression for names that do not exist and maps that would be iterated.
#[derive(Default)]
struct Check<'a> {
    depth: usize,
    /// Variables of the macros (`x` in `list(a).exists(x, …)`) around the place that is looked at.
    locals: Vec<&'a str>,
}

impl<'a> Check<'a> {
    fn expression(&mut self, node: &'a IdedExpr) -> Result<(), String> {
        if self.depth == DEEPEST {
            return Err(format!("nests deeper than {DEEPEST}; annotate a part of it under a name first"));
        }
        self.depth += 1;
        let checked = self.node(&node.expr);
        self.depth -= 1;
        checked
    }

    fn node(&mut self, node: &'a Expr) -> Result<(), String> {
        match node {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.expression(element)),
            Expr::Call(call) => {
                check_function(&call.func_name)?;
                call.target.iter().try_for_each(|target| self.expression(target))?;
                call.args.iter().try_for_each(|argument| self.expression(argument))
            }
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(made) => Err(format!("makes a `{}`; a rule makes lists and maps only", made.type_name)),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn entry(&mut self, entry: &'a EntryExpr) -> Result<(), String> {
        match entry {
            EntryExpr::StructField(field) => self.expression(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key)?;
                self.expression(&entry.value)
            }
        }
    }

    fn variable(&self, name: &str) -> Result<(), String> {
        if VARIABLES.contains(&name) || self.locals.contains(&name) {
            return Ok(());
        }
        Err(format!("names `{name}`, which does not exist; there are {}", VARIABLES.join(", ")))
    }

    fn comprehension(&mut self, comprehension: &'a ComprehensionExpr) -> Result<(), String> {
        let range = &comprehension.iter_range;
        self.expression(range)?;
        if !is_list(range) {
            return Err(format!(
                "goes through what may be a map, whose order is random; write `{LIST}(…)` around it",
                LIST = LISTS[0]
            ));
        }
        let known = self.locals.len();
        self.locals.push(&comprehension.iter_var);
        self.locals.extend(comprehension.iter_var2.as_deref());
        self.locals.push(&comprehension.accu_var);
        let inside =
            [&comprehension.accu_init, &comprehension.loop_cond, &comprehension.loop_step, &comprehension.result];
        let checked = inside.into_iter().try_for_each(|part| self.expression(part));
        self.locals.truncate(known);
        checked
    }
}

/// Whether an expression is plainly a list: written as one, made by a function that makes one, or by `map` and `filter`.
fn is_list(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::List(_) => true,
        Expr::Call(call) => call.target.is_none() && LISTS.contains(&call.func_name.as_str()),
        Expr::Comprehension(comprehension) => matches!(comprehension.accu_init.expr, Expr::List(_)),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Select(_) | Expr::Struct(_) => {
            false
        }
    }
}

fn check_function(name: &str) -> Result<(), String> {
    let ours = FUNCTIONS.iter().any(|(known, _)| *known == name);
    let operator = !name.chars().all(char::is_alphanumeric);
    if ours || operator || STANDARD.contains(&name) {
        return Ok(());
    }
    let known: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "calls `{name}`, which does not exist; there are {}, and CEL's {}",
        known.join(", "),
        STANDARD.join(", ")
    ))
}

/// The parser tells where with a drawing over several lines.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("ERROR: <input>:").to_owned()
}
