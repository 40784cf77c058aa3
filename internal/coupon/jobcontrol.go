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

// Cancel asks the job to end where it is. What it has given out stays given.
func (j Job) Cancel() (Job, error) {
	if j.Status == Canceled || j.Canceling {
		return j, nil // it was asked for before
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
