// Package bind says what commands mean at the moment they are received: it turns a
// [command.Command] into requests ([pipeline.Intent]) that name what the person saw,
// whatever happens afterwards.
//
// It knows a [Scene]: the pipelines, their state, and where the comment stands. It
// does not ask who the person is, stores nothing and grants nothing; whether a request
// is granted is for [pipeline.Decide] to say. Commands that only look are for others,
// which find here what the words in them mean.
//
// A Scene is for one comment and one goroutine.
package bind
