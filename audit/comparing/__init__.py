"""Several runs on the same items: who is right more often, for everybody and in every group, and how sure is that?"""
