"""The taught half of faultlab: views, checks, grading and the command line."""
