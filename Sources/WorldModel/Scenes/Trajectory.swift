/// A walk through a scene: what was commanded at each frame, and where the camera really went.
public struct Trajectory: Sendable {
  /// `actions[t]` leads from frame t - 1 to frame t; the first one is unused.
  public let actions: [Action]
  /// True poses, one per frame.
  public let poses: [Pose]

  /// Commands that change every few frames, carried out with slip and stopped by obstacles.
  public init(in scene: Scene, seed: Int, frameCount: Int) {
    var random = SeededGenerator(seed: seed, purpose: 2)
    var actions: [Action] = []
    var poses = [scene.start]
    var base = Trajectory.command(&random)
    var remaining = 3 + random.index(5)
    for frame in 0..<frameCount {
      if remaining == 0 {
        base = Trajectory.command(&random)
        remaining = 3 + random.index(5)
      }
      remaining -= 1
      let action = Action(
        forward: base.forward + 0.01 * random.normal(), strafe: base.strafe + 0.006 * random.normal(),
        yaw: base.yaw + 0.006 * random.normal())
      actions.append(action)
      let slipped = Action(
        forward: action.forward * (1 + 0.08 * random.normal()),
        strafe: action.strafe * (1 + 0.08 * random.normal()),
        yaw: action.yaw * (1 + 0.06 * random.normal()))
      if frame > 0 { poses.append(Trajectory.step(from: poses[frame - 1], slipped, in: scene)) }
    }
    self.actions = actions
    self.poses = poses
  }

  private static func command(_ random: inout SeededGenerator) -> Action {
    Action(
      forward: random.uniform(-0.06...0.22), strafe: random.uniform(-0.09...0.09),
      yaw: random.uniform(-0.08...0.08))
  }

  // Obstacles stop the motion across them and leave the motion along them.
  private static func step(from pose: Pose, _ action: Action, in scene: Scene) -> Pose {
    let next = pose.moved(by: action)
    if scene.isFree(x: next.x, z: next.z) { return next }
    if scene.isFree(x: next.x, z: pose.z) { return Pose(x: next.x, z: pose.z, yaw: next.yaw) }
    if scene.isFree(x: pose.x, z: next.z) { return Pose(x: pose.x, z: next.z, yaw: next.yaw) }
    return Pose(x: pose.x, z: pose.z, yaw: next.yaw)
  }
}
