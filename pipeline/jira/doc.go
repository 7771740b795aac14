// Package jira speaks to Jira, in the cloud and in a data center, for steps that work
// with issues.
//
// It is not a general client: it has the few requests that the steps need, over a
// [Doer] that decides what may be reached, and keeps no state but what kind of Jira it
// speaks to. Jira Cloud is spoken to by version 3 of the REST API, in which texts are
// documents (ADF), and everything else by version 2, in which they are wiki text; each
// has another way to search. A Client serves one caller at a time.
package jira
