// Package renderer renders manifests in processes of their own: [Renderer] implements
// step.Renderer by starting this program anew for each rendering, and [Serve] is what
// that process does.
//
// Why processes: templates are programs, written by whoever can open a pull request.
// Neither Helm nor kustomize can be interrupted; a template that recurses without end
// overflows the stack, which no recover catches, and one that repeats a string takes all
// memory. In a process of its own each of them ends with that process, which is killed
// when the context ends, when [render.MaxTime] is over, or when it occupies more than
// its share of memory. Kustomize also keeps state of its own that is neither safe for
// concurrent use nor forgotten; every build here begins without any.
//
// The process has no environment, so that nothing secret is in it, and opens nothing:
// files and charts are asked for over its standard input and output, one at a time, and
// answered by the process that serves. What package render bounds stays bounded there.
//
// What it is not: a sandbox for native code. The process runs our code only, as the same
// user. Programs that pipelines bring along run in app/sandbox.
//
// A Renderer is safe for concurrent use, and runs a bounded number of processes at once.
package renderer
