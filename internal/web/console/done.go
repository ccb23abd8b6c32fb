package console

// doneText returns what the page says after a form has done something. The address of the page holds the word, so a link of
// somebody else can only choose among these sentences.
func doneText(word string) string {
	switch word {
	case "roles":
		return "The roles are changed. Access tokens with the former roles have ended."
	case "suspended":
		return "The account is suspended and its sessions have ended."
	case "resumed":
		return "The suspension has ended."
	case "reset":
		return "A mail with a code for a new password is on its way."
	case "factor":
		return "The second factor is removed."
	case "totp":
		return "The authenticator app is removed."
	case "passkey":
		return "The passkey is removed."
	case "sessions":
		return "All sessions have ended."
	case "session":
		return "The session has ended."
	case "key":
		return "The key is deleted."
	case "unlinked":
		return "The link is removed. Sign-ins and tokens of that account elsewhere open nothing now."
	case "deleted":
		return "The account is deleted."
	case "invited":
		return "The invitation is on its way."
	case "service":
		return "The service account is made. It needs a key."
	case "own-password":
		return "The password is changed. Your other sessions have ended."
	case "own-factor":
		return "The authenticator app is removed."
	case "own-passkey":
		return "The passkey is removed."
	case "own-passkey-new":
		return "The passkey is added."
	case "own-others":
		return "Your other sessions have ended."
	case "own-session":
		return "The session has ended."
	case "incident-opened":
		return "The incident is open."
	case "incident-closed":
		return "The incident is closed."
	case "incident-noted":
		return "The note is added."
	case "queue-changed":
		return "The queue is changed. All nodes follow within two seconds."
	case "job-edited":
		return "The job is edited."
	case "replayed":
		return "It is sent again, with the same id."
	case "cron-paused":
		return "The clock does not start this job any more."
	case "cron-resumed":
		return "The clock starts this job again."
	case "backup-started":
		return "A backup begins within half a minute."
	case "drill-started":
		return "A drill begins within half a minute, if there is a backup."
	case "operator-role":
		return "The role is changed."
	case "operator-removed":
		return "The operator is removed."
	}
	return ""
}
