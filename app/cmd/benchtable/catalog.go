package main

// section is one table. Its rows are the benchmarks of one function, or of several.
type section struct {
	title, text string
	benchmarks  []benchmark
}

// benchmark is a benchmark function in the table. What it allocates is left out where
// that is the simulator of GitHub's.
type benchmark struct {
	pkg, name string
	// label names the row; those of functions with parts get the part added.
	label string
	goals []goal
}

// goal is the most that a unit may be.
type goal struct {
	// part is that of the benchmark, empty for each.
	part, unit string
	most       float64
}

// catalog lists the tables in the order in which people ask.
func catalog() []section {
	return []section{
		{
			"Promoting three files", "One new image changes three files, through a pull request, until it is merged and recorded as deployed; not the first one in its repository. The server is a process of its own; what GitHub " +
				"(simulated) is asked for is counted there. *Memory added* is what the server occupies beyond what it did before, at most.",
			[]benchmark{{"app/e2e", "PromoteThreeFiles", "", []goal{{"", "requests/op", 16}, {"", "added-MiB", 30}}}},
		},
		{
			"A change of three files over Git", "Cold: nothing is known of the repository. Neither bytes nor requests may grow with its size.",
			[]benchmark{{"app/gitrepo", "PathWalk", "", []goal{{"", "down-B/op", 20_000}}}},
		},
		{
			"Editing one key in a file of 5,000 lines", "The result is parsed again, and compared with what was meant.",
			[]benchmark{
				{"manifest/edit", "SetYAML", "YAML", []goal{{"", "sec/op", 0.020}}},
				{"manifest/edit", "SetJSON", "JSON", nil},
				{"manifest/edit", "SetTOML", "TOML", nil},
				{"manifest/edit", "SetHCL", "HCL", nil},
				{"manifest/edit", "GetYAML", "reading one of YAML", nil},
			},
		},
		{
			"Rendering 1,000 resources", "",
			[]benchmark{
				{"manifest/render", "Kustomize1000", "kustomize, an overlay of a base", nil},
				{"manifest/render", "Helm1000", "Helm, one template", nil},
				{"app/renderer", "HelmInItsOwnProcess", "what the process around a rendering adds", nil},
			},
		},
		{
			"Deciding", "Pipelines of 1,000 Stages, with 100 Freight where a number of Freight matters.",
			[]benchmark{
				{"pipeline", "Decide", "what happens next", []goal{{"", "sec/op", 0.010}}},
				{"pipeline", "Explain", "why a Stage does not take a Freight", nil},
				{"pipeline", "ForecastStage", "when a Stage will", []goal{{"", "sec/op", 0.100}}},
				{"pipeline", "Forecast", "when all Stages will", nil},
			},
		},
		{
			"2,000 Stages in one repository", "100 files with 20 Stages each: until they are read, until each Stage is compared with what its files hold, and after a push to one file.",
			[]benchmark{{"app/e2e", "ThousandsOfStages", "", nil}},
		},
		{
			"Many Stages push to one branch at once", "20 Stages: within one server, whose lane gives each its turn, and from as many servers.",
			[]benchmark{{"app/ghapp", "StagesPushOneBranch", "", nil}},
		},
		{
			"Reading", "",
			[]benchmark{
				{"manifest/kargofile", "Parse", ".kargo.yaml", nil},
				{"handlers/command", "Parse", "a comment", nil},
			},
		},
		{
			"The database", "SQLite; what was acknowledged is on the disk.",
			[]benchmark{
				{"store/sqlite", "Ingest", "storing a delivery", nil},
				{"store/sqlite", "Work", "claiming and finishing a job", nil},
				{"store/sqlite", "Pickup", "from asking for a job to a worker that has it", []goal{{"", "p99-us", 2000}}},
				{"store/sqlite", "ReleaseAll", "taking over what a killed process did", []goal{{"", "sec/op", 1}}},
				{"store/sqlite", "Snapshot", "loading a pipeline", nil},
			},
		},
	}
}

// unit is how a unit of the output is shown: times scale, in a base unit.
type unit struct {
	title, base string
	scale       float64
	binary      bool
}

// units lists the units in the order of the columns; others follow under their names.
func units() []struct {
	name string
	unit
} {
	return []struct {
		name string
		unit
	}{
		{"sec/op", unit{"Time", "s", 1, false}},
		{"cpu-ms/op", unit{"Processor time", "s", 1e-3, false}},
		{"requests/op", unit{"Requests", "", 1, false}},
		{"updates/op", unit{"Updates", "", 1, false}},
		{"refused/op", unit{"Refused", "", 1, false}},
		{"api-B/op", unit{"API bytes", "B", 1, true}},
		{"git-down-B/op", unit{"Git down", "B", 1, true}},
		{"git-up-B/op", unit{"Git up", "B", 1, true}},
		{"down-B/op", unit{"Down", "B", 1, true}},
		{"s-to-read", unit{"To read", "s", 1, false}},
		{"s-to-compare", unit{"To compare", "s", 1, false}},
		{"s-after-push", unit{"After a push", "s", 1, false}},
		{"p50-us", unit{"Median", "s", 1e-6, false}},
		{"p99-us", unit{"99 of 100", "s", 1e-6, false}},
		{"deliveries/s", unit{"Deliveries per second", "", 1, false}},
		{"jobs/s", unit{"Jobs per second", "", 1, false}},
		{"added-MiB", unit{"Memory added", "B", 1 << 20, true}},
		{"peak-MiB", unit{"Peak memory", "B", 1 << 20, true}},
		{"MiB-peak", unit{"Peak memory", "B", 1 << 20, true}},
		{"B/s", unit{"Throughput", "B/s", 1, true}},
		{"B/op", unit{"Allocated", "B", 1, true}},
		{"allocs/op", unit{"Allocations", "", 1, false}},
	}
}
