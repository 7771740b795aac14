package command

// ParseAll is Parse in a version that has every command.
func ParseAll(body string) Result {
	verbs := Verbs()
	for i := range verbs {
		verbs[i].Available = true
	}
	return parse(body, verbs)
}
