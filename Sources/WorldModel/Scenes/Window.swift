public import Trace

/// Two context frames and what follows them, as the denoiser sees it: one sample of training, one
/// chunk of a rollout.
public struct Window: Sendable {
  /// What a chunk is conditioned on, oldest frame first, with poses in the last one's frame.
  public struct Context: Sendable {
    public var frames: [Frame]
    public var poses: [Pose]

    public init(frames: [Frame], poses: [Pose]) {
      self.frames = frames
      self.poses = poses
    }
  }

  public var context: Context
  /// Commands, one per predicted frame.
  public var actions: [Action]

  public init(context: Context, actions: [Action]) {
    self.context = context
    self.actions = actions
  }

  /// Poses that the commands alone would lead to, in the last context frame's frame.
  public var commandedPoses: [Pose] {
    var pose = context.poses.last!
    return actions.map { action in
      pose = pose.moved(by: action)
      return pose
    }
  }

  /// The conditioning tokens, (tokens, conditionChannels): the context frames reprojected to the
  /// commanded poses, last one first, and the commanded rays.
  public func condition(_ config: Config) -> Tensor {
    let camera = Camera(width: config.width, height: config.height)
    var tensor = Tensor(zeros: config.tokens, config.conditionChannels)
    for (frame, pose) in commandedPoses.enumerated() {
      for (slot, source) in context.frames.indices.reversed().enumerated() {
        let seen = Reprojection(
          of: context.frames[source], from: context.poses[source], to: pose, camera: camera)
        let offset = slot * config.reprojectedChannels
        Patches.put(seen.frame, frame: frame, at: offset, into: &tensor, config)
        Patches.put(
          seen.mask, channels: 1, frame: frame, at: offset + config.rgbChannels + config.disparityChannels,
          into: &tensor, config)
      }
      Patches.put(
        Raymap.encode(pose, config), frame: frame, at: config.conditionChannels - Config.rayChannels,
        into: &tensor,
        config)
    }
    return tensor
  }

  /// Action channels per frame, (frames, 3).
  public var actionTensor: Tensor {
    Tensor(rows: actions.count, columns: Config.actionChannels, values: actions.flatMap(\.normalized))
  }
}

/// A rendered walk: ground truth for every frame, cut into windows.
public struct Walk: Sendable {
  public let frames: [Frame]
  public let poses: [Pose]
  public let actions: [Action]

  /// Renders a seed's scene along its trajectory.
  public init(seed: Int, frameCount: Int, config: Config) {
    let scene = Scene(seed: seed)
    let trajectory = Trajectory(in: scene, seed: seed, frameCount: frameCount)
    let renderer = Renderer(camera: Camera(width: config.width, height: config.height))
    poses = trajectory.poses
    actions = trajectory.actions
    frames = poses.enumerated().map { renderer.render(scene, at: $0.offset, from: $0.element) }
  }

  /// The window whose first predicted frame is `start`.
  public func window(from start: Int, _ config: Config) -> Window {
    let past = (start - Config.contextFrames)..<start
    let origin = poses[start - 1]
    return Window(
      context: .init(frames: Array(frames[past]), poses: poses[past].map { $0.relative(to: origin) }),
      actions: Array(actions[start..<(start + config.frames)]))
  }

  /// What really followed, as clean target tokens, (tokens, targetChannels).
  public func target(from start: Int, _ config: Config) -> Tensor {
    var tensor = Tensor(zeros: config.tokens, config.targetChannels)
    for frame in 0..<config.frames {
      Patches.put(frames[start + frame], frame: frame, at: 0, into: &tensor, config)
      let pose = poses[start + frame].relative(to: poses[start - 1])
      Patches.put(
        Raymap.encode(pose, config), frame: frame, at: config.targetChannels - Config.rayChannels,
        into: &tensor,
        config)
    }
    return tensor
  }
}
