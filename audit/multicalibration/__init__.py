"""Does a probability mean the same in every subgroup that several features make?"""
