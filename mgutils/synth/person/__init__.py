"""The athlete: proportions, pose, joints, body, hands and face as rounded cones."""
