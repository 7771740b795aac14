// Package argocdtest is an Argo CD for tests: its REST API over Applications whose
// operations have a life of their own.
//
// It behaves as the real one where that matters to a client: what is not known to it
// survives a patch; an operation that is asked for is taken up later, runs, and ends at
// the revisions that the sources' targets mean at that time; a second one is refused
// meanwhile; health is looked at after an operation only, and is old until then;
// Applications that do not exist and those that a token may not see are both 403; and
// errors come as its gateway writes them.
//
// Nothing happens by itself: every request moves the operations on by one state, unless
// the test moves them with [Server.Advance]. A Server is safe for concurrent use.
package argocdtest
