// Package trust says who may do what in a cluster: certificates that name a role, the subjects that each role may use, and
// signatures of what is run.
//
// A certificate of the cluster's authority is the credential of a process. Its organizational unit is the role, its common
// name NAME covers the parties NAME and NAME-…: processes name themselves anew each time they start, and may share a
// credential, but nobody speaks for a party of another one.
package trust
