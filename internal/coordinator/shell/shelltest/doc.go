// Package shelltest is a cluster without models: workers whose draws are arithmetic, and a checker that holds what a run has
// stored against what they would have made undisturbed.
//
// A draw of these workers is a function of all draws of its chain before it and of all decisions of warmup, so that a lost block, a
// block twice, one from another lineage or under another decision shows in every draw that follows.
package shelltest
