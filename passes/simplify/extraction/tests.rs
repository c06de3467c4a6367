//! Choices against all choices there are, in small windows.

use super::super::terms::Terms;
use super::*;
use ::circuit::{Circuit, CostTable, parse};

fn circuit(text: &str) -> Circuit {
    parse(&format!(
        "; slots: 16\ncircuit (%0: ct, %1: ct) {{\n{text}}}\n"
    ))
    .expect("it parses")
}

fn problem(terms: &Terms) -> Problem {
    let prices = Prices::new(&CostTable::default(), 14);
    Problem::new(terms, &Paid::default(), prices)
}

fn price_of(problem: &Problem, chosen: &HashMap<Id, Node>) -> f64 {
    let pick = |(id, class): (&Id, &Vec<Node>)| {
        let node = chosen.get(id)?;
        class.iter().position(|n| n == node)
    };
    let choice: Choice = problem.ids.iter().zip(&problem.nodes).map(pick).collect();
    problem.price(&choice).expect("a program")
}

/// The least price of all choices for all classes.
fn least(problem: &Problem) -> f64 {
    let n: Vec<usize> = problem.nodes.iter().map(Vec::len).collect();
    assert!(n.iter().product::<usize>() <= 1 << 20, "{n:?} are too many");
    let mut choice: Choice = vec![Some(0); n.len()];
    let mut best = f64::INFINITY;
    loop {
        best = best.min(problem.price(&choice).unwrap_or(f64::INFINITY));
        let Some(at) = (0..n.len()).find(|i| choice[*i] != Some(n[*i] - 1)) else {
            return best;
        };
        choice[..at].fill(Some(0));
        choice[at] = choice[at].map(|c| c + 1);
    }
}

const SMALL: [&str; 4] = [
    "%2 = rotate %0 by 3\n%3 = rotate %1 by 3\n%4 = add %2, %3\n%5 = rotate %4 by 2\nreturn %5\n",
    "%2 = mul_plain %0 * [1.0, 0.0]\n%3 = rotate %2 by 1\n%4 = rotate %0 by 1\n%5 = add %3, %4\nreturn %5\n",
    "%2 = mul_plain %0 * [1.0, 2.0]\n%3 = mul_plain %1 * [1.0, 2.0]\n%4 = add %2, %3\nreturn %4, %2\n",
    "%2 = rotate %0 by 4\n%3 = rotate %2 by 4\n%4 = rotate %3 by 4\nreturn %4, %3\n",
];

#[test]
fn small_windows_are_solved_exactly() {
    for text in SMALL {
        let part = circuit(text);
        let mut terms = Terms::new(&part);
        super::super::rules::saturate(&mut terms.graph);
        let problem = problem(&terms);
        let (found, least) = (
            price_of(&problem, &problem.solve(&terms.original())),
            least(&problem),
        );
        assert!(found <= least * (1.0 + 1e-9), "{found} for {least}\n{text}");
    }
}

#[test]
fn a_choice_never_costs_more_than_the_program_had() {
    let part = circuit(
        "%2 = rotate %0 by 1\n%3 = rotate %0 by 2\n%4 = rotate %2 by 3\n%5 = mul_plain %4 * [1.0, 0.0]\n\
         %6 = mul_plain %3 * [1.0, 0.0]\n%7 = sub %5, %6\n%8 = rotate %7 by 8\n%9 = add %7, %8\nreturn %9, %3\n",
    );
    let mut terms = Terms::new(&part);
    super::super::rules::saturate(&mut terms.graph);
    let problem = problem(&terms);
    let original = terms.original();
    let (before, after) = (
        price_of(&problem, &original),
        price_of(&problem, &problem.solve(&original)),
    );
    assert!(after < before, "{before} to {after}");
    let made = terms.emit(&part, &problem.solve(&original));
    let difference = super::super::certificate::difference(&part, &made).expect("both run");
    assert!(difference < 1e-14, "{difference}");
}

#[test]
fn what_is_paid_outside_is_free() {
    let part = circuit("%2 = rotate %0 by 3\nreturn %2\n");
    let terms = Terms::new(&part);
    let prices = Prices::new(&CostTable::default(), 14);
    let paid = Paid {
        rotated_leaves: HashSet::from([0]),
        amounts: HashSet::from([3]),
        ..Paid::default()
    };
    let price = |paid: &Paid| {
        let problem = Problem::new(&terms, paid, prices);
        price_of(&problem, &terms.original())
    };
    let saved = price(&Paid::default()) - price(&paid);
    assert!((saved - prices.decompose - prices.key).abs() < 1e-9);
}
