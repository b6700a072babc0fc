-- What the file of an imported rollout said that no column here has a place for: columns of its own, messages as they were structured,
-- and what it did not say. Null for rollouts that were sampled here.
ALTER TABLE rollout_bodies ADD COLUMN origin TEXT;
