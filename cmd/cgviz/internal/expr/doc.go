// Package expr is the expression language of cgviz: it reads statements such as
//
//	u = x₁*x₂; z = sin(u) + u^2
//
// into a syntax tree, reports mistakes with the source line and a caret, prints
// the tree back as canonical text, and builds a computation graph from it.
//
// # Grammar
//
//	program    = [ statement ] { ( ";" | newline ) [ statement ] }
//	statement  = name "=" expression | expression         (an expression alone only as the last statement)
//	expression = and { "||" and }
//	and        = comparison { "&&" comparison }
//	comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]     (does not chain)
//	sum        = product { ( "+" | "-" ) product }
//	product    = unary { [ "*" | "/" ] unary }            (no sign: implicit multiplication, see below)
//	unary      = ( "-" | "+" | "!" ) unary | power
//	power      = postfix [ ( "^" | "**" ) unary ]         (right-associative, binds tighter than a sign: -x^2 = -(x^2))
//	postfix    = operand [ superscript ]
//	operand    = number | name | name "(" [ expression { "," expression } ] ")" | "(" expression ")"
//
// A newline inside parentheses, after an operator, after "=" and after "," is
// space. A "#" starts a comment that ends with the line. Numbers are decimal:
// 1, 1.5, .5, 1e-3.
//
// Names consist of letters of any script, digits and underscores, and may end in
// Unicode subscripts, which are read as plain characters: x₁ is x1. Nothing can
// follow a subscript in a name, so x₁x₂ is an error and not a name of its own.
// A superscript is a power: x₁², x⁻¹, (x+1)¹⁰; it binds tighter than "^".
// The operators · × ÷ − ≤ ≥ ≠ ∧ ∨ ¬ may be written for * * / - <= >= != && || !.
//
// Implicit multiplication needs a number, a closing parenthesis or a superscript
// on its left and a name or an opening parenthesis on its right, on one line:
// 2x, 2x1 (= 2*x1), 2(x+1), (a)(b), x²y. Two names beside each other are an
// error, and so is implicit multiplication directly after a division (1/2x),
// which is read in two ways by different people.
//
// pi (or π) is the constant unless the program assigns it; e is a name like any
// other, exp(1) is the number. A name that is used but never assigned is an
// input. A name can be assigned once, and only before its first use.
//
// A function is an operator of the graph under its own name: sin(u), pow(x, 2),
// where(c, a, b), max(a, b), lt(a, b). Functions and variables do not share names.
package expr
