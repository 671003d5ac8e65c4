"""Which token, frame, descriptor or modality moved a judgement's answer and its rationale? Of a live reasoner."""
