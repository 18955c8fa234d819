/** The player's looks; colours and spaces come from the page's tokens. */

import { css } from "lit";

export const playerStyle = css`
  :host {
    display: block;
    --picture-height: var(--player-height, clamp(160px, 32vh, 300px));
  }
  .screen {
    position: relative;
    block-size: var(--picture-height);
    border-radius: var(--radius, 10px);
    overflow: hidden;
    background: #0d0e12;
    cursor: crosshair;
    touch-action: pan-y;
    user-select: none;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  img,
  .wave {
    position: absolute;
    inset: 0;
    inline-size: 100%;
    block-size: 100%;
  }
  img {
    object-fit: fill;
  }
  .wave path {
    fill: rgb(255 255 255 / 46%);
  }
  .heard {
    position: absolute;
    inset-block: 0;
    left: 0;
    inline-size: 100%;
    transform: scaleX(0);
    transform-origin: left;
    background: rgb(255 255 255 / 10%);
    pointer-events: none;
  }
  .head {
    position: absolute;
    inset-block: 0;
    left: 0;
    inline-size: 100%;
    pointer-events: none;
  }
  .head::before {
    content: "";
    position: absolute;
    inset-block: 0;
    left: -1px;
    inline-size: 2px;
    background: #fff;
    box-shadow: 0 0 0 1px rgb(0 0 0 / 45%);
  }
  .axis {
    display: block;
    inline-size: 100%;
    block-size: 22px;
    overflow: visible;
    color: var(--ink-quiet);
    font-size: var(--text-small, 0.8125rem);
  }
  .axis line {
    stroke: var(--line-strong);
  }
  .axis text {
    fill: currentcolor;
  }
  .controls {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: var(--space-2, 8px) var(--space-3, 16px);
    margin-block-start: var(--space-1, 4px);
    min-block-size: 44px;
  }
  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-inline-size: var(--target, 32px);
    min-block-size: max(32px, var(--target, 32px));
    padding: 0 10px;
    border: 0;
    border-radius: 999px;
    background: transparent;
    color: var(--ink-quiet);
    font: inherit;
    font-size: var(--text-small, 0.8125rem);
    cursor: pointer;
  }
  button:hover {
    background: var(--surface-sunken);
    color: var(--ink);
  }
  button[aria-pressed="true"] {
    background: var(--accent-soft);
    color: var(--ink);
    font-weight: 560;
  }
  .play {
    inline-size: 44px;
    block-size: 44px;
    padding: 0;
    background: var(--accent);
    color: var(--on-accent);
  }
  .play:hover {
    background: var(--accent-strong);
    color: var(--on-accent);
  }
  .play svg {
    inline-size: 20px;
    block-size: 20px;
    fill: currentcolor;
  }
  .clock {
    min-inline-size: 15ch;
    font-variant-numeric: tabular-nums;
    color: var(--ink-quiet);
  }
  .clock strong {
    color: var(--ink);
    font-weight: 560;
  }
  .speeds {
    display: flex;
  }
  .level {
    margin-inline-start: auto;
  }
  .failed {
    flex-basis: 100%;
    margin: 0;
    color: var(--bad);
  }
  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  @media (max-width: 720px) {
    :host {
      --picture-height: var(--player-height, clamp(120px, 24vh, 220px));
    }
    .controls {
      gap: 0 4px;
    }
    .clock {
      flex: 1;
      min-inline-size: 11ch;
    }
    .level {
      margin-inline-start: auto;
    }
    .words {
      position: absolute;
      inline-size: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
  }
`;
