"""iMiGUE's cross-subject protocol: which subjects a model may learn from, and which it is judged on."""

TRAIN_SUBJECTS = (2, 4, 5, 6, 9, 10, 12, 13, 14, 15, 17, 18, 20, 21, 22, 23, 25, 28, 29, 30, 31, 35, 36, 38, 39, 41, 42,
                  43, 44, 46, 47, 48, 52, 53, 59, 61, 62)
"""The 37 training subjects. The original's train.xlsx holds these only; the studio's holds all 72."""
TEST_SUBJECTS = (1, 3, 7, 8, 11, 16, 19, 24, 26, 27, 32, 33, 34, 37, 40, 45, 49, 50, 51, 54, 55, 56, 57, 58, 60, 63, 64,
                 65, 66, 67, 68, 69, 70, 71, 72)
"""The 35 test subjects."""
