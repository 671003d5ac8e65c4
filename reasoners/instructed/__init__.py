"""The instruction-conditioned reasoner: text, voice and face of a dialogue into an emotion, its intensity and a reason.

After Kumbhar, "Instruction-conditioned multimodal emotion reasoning". Its law: the patient is dimension 0 of every
layer that is trained (`[patient, utterance, ...]`), and nothing mixes two patients, so that one patient's gradient is
the gradient of training on that patient alone, and DP-SGD can clip it.
"""
