"""The reviewer's desk: shows reports and starts runs, computes nothing itself. Empty until its first page."""
