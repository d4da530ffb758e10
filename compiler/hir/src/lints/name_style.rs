//! HP0642. A name with capital letters.

use super::*;

pub(super) fn check(item: &Linted<'_>, found: &mut Vec<Problem>) {
    let Some((name, span)) = item.declared() else {
        return;
    };
    if name.chars().any(|char| char.is_ascii_uppercase()) {
        let message = format!("`{name}` has capital letters");
        let help = format!("names are lower case with `_`: `{}`", snake(&name));
        found.push(Problem::new(Code::NameStyle, message, span, "named here").help(help));
    }
}

/// `OrdersDb` as `orders_db`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for char in name.chars() {
        if char.is_ascii_uppercase() && before.is_ascii_lowercase() {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
        before = char;
    }
    snake
}
