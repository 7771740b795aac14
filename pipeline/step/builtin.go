package step

// Builtin returns the steps that every Pipeline may use, in the order in which
// the reference lists them.
func Builtin() []Definition {
	return []Definition{
		gitClone(),
		gitClear(),
		kustomizeSetImage(),
		yamlUpdate(),
		yamlMerge(),
		yamlParse(),
		jsonUpdate(),
		jsonParse(),
		tomlUpdate(),
		tomlParse(),
		hclUpdate(),
		fileWrite(),
		kustomizeBuild(),
		helmUpdateChart(),
		helmTemplate(),
		copyStep(),
		deleteStep(),
		tarStep(),
		untarStep(),
		gitCommit(),
		gitTag(),
		gitPush(),
		githubPush(),
		gitOpenPR(),
		gitWaitForPR(),
		gitMergePR(),
		httpStep(),
		httpDownload(),
		ghaDispatchWorkflow(),
		ghaWaitForWorkflow(),
		workflowStep(),
		ghCreateIssue(),
		ghUpdateIssue(),
		ghSearchIssues(),
		ghIssueAddComment(),
		ghIssueUpdateComment(),
		ghIssueDeleteComment(),
		ghWaitForIssueState(),
		composeOutput(),
		setMetadata(),
		setFreightAlias(),
		fail(),
		waitForApproval(),
		getUserInput(),
		recordAuditEvent(),
		waitForCallback(),
	}
}

// none is the output of steps that have none.
type none = *struct{}
