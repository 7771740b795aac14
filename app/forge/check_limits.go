package forge

import "unicode/utf8"

// GitHub's limits for check runs.
const (
	maxOutputText      = 65_535
	maxAnnotations     = 50 // per request
	maxActions         = 3
	maxActionLabel     = 20
	maxActionDesc      = 40
	maxActionID        = 20
	maxAnnotationTitle = 255
	maxAnnotationText  = 64 << 10
)

func checkOutput(output input) error {
	if output == nil {
		return nil
	}
	want := fields{"title": text.must(), "summary": text.must(), "text": text, "annotations": jsonObjects, "images": jsonObjects}
	if err := want.check(output, "properties/output"); err != nil {
		return err
	}
	for _, key := range []string{"summary", "text"} {
		if utf8.RuneCountInString(output.str(key)) > maxOutputText {
			return invalid("CheckRun", key, "custom", key+" exceeds a maximum of 65535 characters")
		}
	}
	annotations := output.objects("annotations")
	if len(annotations) > maxAnnotations {
		return unprocessable("Invalid request.\n\nNo more than 50 items are allowed; %d were supplied.", len(annotations))
	}
	for _, a := range annotations {
		want := fields{
			"path": text.must(), "start_line": integer.must(), "end_line": integer.must(), "start_column": integer, "end_column": integer,
			"annotation_level": oneOf("notice", "warning", "failure").must(), "message": text.must(), "title": text, "raw_details": text,
		}
		if err := want.check(a, "properties/output/properties/annotations/items"); err != nil {
			return err
		}
		if a.has("start_column") && a.int("start_line") != a.int("end_line") {
			return invalid("CheckAnnotation", "start_column", "custom", "columns are only allowed when start_line and end_line are equal")
		}
		if utf8.RuneCountInString(a.str("title")) > maxAnnotationTitle || len(a.str("message")) > maxAnnotationText || a.int("end_line") < a.int("start_line") {
			return invalid("CheckAnnotation", "message", "invalid", "")
		}
	}
	return nil
}

func checkActions(actions []input) error {
	if len(actions) > maxActions {
		return unprocessable("Invalid request.\n\nNo more than 3 items are allowed; %d were supplied.", len(actions))
	}
	want := fields{"label": text.must(), "description": text.must(), "identifier": text.must()}
	for _, a := range actions {
		if err := want.check(a, "properties/actions/items"); err != nil {
			return err
		}
		for key, limit := range map[string]int{"label": maxActionLabel, "description": maxActionDesc, "identifier": maxActionID} {
			if utf8.RuneCountInString(a.str(key)) > limit {
				return unprocessable("Invalid request.\n\nOnly %d characters are allowed; %d were supplied.", limit, utf8.RuneCountInString(a.str(key)))
			}
		}
	}
	return nil
}
