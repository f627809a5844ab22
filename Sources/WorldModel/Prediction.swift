/// Frames somebody predicts, and where the camera is at each of them.
public struct Prediction: Hashable, Sendable {
  public var frames: [Frame]
  /// In the last context frame's frame.
  public var poses: [Pose]

  public init(frames: [Frame], poses: [Pose]) {
    self.frames = frames
    self.poses = poses
  }
}
