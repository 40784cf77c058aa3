package coupon

// controllable are the kinds of jobs that people can pause, cancel and recall.
var controllable = map[JobKind]bool{DistributionJob: true}

// Pause returns the job paused: it does nothing until it is resumed.
func (j Job) Pause() (Job, error) {
	if err := j.controlled(); err != nil {
		return j, err
	}
	j.Status = JobPaused
	return j, nil
}

// Resume lets a paused job go on; any other goes on as it is.
func (j Job) Resume() (Job, error) {
	if err := j.controlled(); err != nil {
		return j, err
	}
	if j.Status == JobPaused {
		j.Status = Queued
	}
	return j, nil
}

// Cancel ends a job that waits, or asks a distribution to end where it is. What
// it has done until then stays.
func (j Job) Cancel() (Job, error) {
	switch {
	case j.Status == Canceled || j.Canceling:
		return j, nil // it was asked for before
	case !controllable[j.Kind] && j.Status == Queued:
		j.Status = Canceled
		return j, nil
	case !controllable[j.Kind] && !j.Done():
		return j, ErrJobKind.With("A job of kind %s can be canceled only until it begins.", j.Kind)
	case j.Done():
		return j, ErrJobDone.With("The job has ended: it is %s.", j.Status)
	}
	j, err := j.Resume() // a worker has to end it
	j.Canceling = err == nil
	return j, err
}

// Recall tells why the coupons that the job gave out cannot be taken back, or nil.
func (j Job) Recall() error {
	switch {
	case !controllable[j.Kind]:
		return ErrJobKind.With("Only a distribution can be recalled: this job is of kind %s.", j.Kind)
	case !j.Done():
		return ErrJobUnderWay
	}
	return nil
}

// MostFailures is how often in a row a bulk job may break before it ends as
// failed.
const MostFailures = 5

// ErrJobBroken is how such a job ends. What broke is in the log, not here.
var ErrJobBroken = ErrInternal.With("The job broke %d times in a row and was given up; what it did until then stays. An administrator can retry it once the cause, which is in the log, is gone.", MostFailures)

// Retryable tells why the job cannot be retried, or nil: only what failed by our
// fault can. A refusal is an answer.
func (j Job) Retryable() error {
	if j.Status != Failed {
		return ErrJobRetry.With("Only a job that failed can be retried: this one is %s.", j.Status)
	}
	if code := *j.ErrorCode; code != ErrInternal.Code && code != ErrClaimExpired.Code {
		return ErrJobRetry.With("The job failed with %s, which would come of it again: submit a new one.", code)
	}
	return nil
}

// controlled tells why nothing can be changed about the course of the job, or nil.
func (j Job) controlled() error {
	switch {
	case !controllable[j.Kind]:
		return ErrJobKind.With("Only a distribution can be paused, resumed and canceled: this job is of kind %s.", j.Kind)
	case j.Done():
		return ErrJobDone.With("The job has ended: it is %s.", j.Status)
	case j.Canceling:
		return ErrJobDone.With("The job is being canceled.")
	}
	return nil
}
