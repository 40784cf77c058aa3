// Package torture proves the product's promise against itself: clients load a
// whole installation and write down what they were promised, while its processes
// are killed and paused, its Redis is emptied and its Postgres cut off. Then a
// checker that trusts none of it compares the promises, the database and what a
// webhook receiver got.
package torture
