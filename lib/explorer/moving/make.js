// A new element in its place; stands before the script of each widget.
function make(tag, parent, name) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent.appendChild(element);
  return element;
}

